// Addresses of databases as people may see them: errors are logged, and an address may hold a password.
//
// More is hidden than has to be: a password that was not encoded may have any sign in it, also those that end it.
//
// Before this file comes nothing. After it come all that name a database: errors, `doctor`, the line of a worker.

/** The address with its user and password taken out, and a password among its parameters. */
export function withoutSecrets(address: string): string {
  return address.replace(/\/\/.*@/, "//…@").replace(/([?&]\w*password=)[^&]*/gi, "$1…");
}
