// Where a request comes from: whether a page of another site made it.
//
// A browser sends cookies, and reaches the loopback of its machine, on behalf of any page. It also says whose page that is:
// in `Sec-Fetch-Site`, and in `Origin` where it does not know the former. What comes from no browser says neither. Scheme
// and port that a proxy has taken away are no difference that matters: a host is compared with the host.
//
// Pure. Before this file comes a request. After it comes access.

/** Whether another site's page made the request. */
export function isFromElsewhere(headers: Headers, host: string): boolean {
  const site = headers.get("sec-fetch-site");
  if (site !== null) return site !== "same-origin" && site !== "none";
  const origin = headers.get("origin");
  return origin !== null && hostOf(origin) !== host;
}

/** `Origin: null` has no host, and is nobody's. */
function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}

/** Whether a host is a name of this machine itself: what another site's name was made to lead to is not. */
export function isLoopbackName(hostname: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

/** Whether an address to listen on can be reached from this machine only. */
export function isLoopbackAddress(host: string): boolean {
  return host === "::1" || isLoopbackName(host);
}
