// The text that Prometheus scrapes: families of samples, each with what it is and of which kind.
//
// Version 0.0.4 of the format, which every scraper reads. Pure: what is in the families is read elsewhere.
//
// Before this file come counts. After it comes whoever answers the scrape.

/** One line. A histogram's have a suffix: `_bucket`, `_sum`, `_count`. */
export interface Sample {
  readonly suffix?: "_bucket" | "_sum" | "_count";
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

export function prometheusText(families: readonly Family[]): string {
  return families.map(familyText).join("");
}

function familyText({ name, help, type, samples }: Family): string {
  const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  const lines = samples.map(
    ({ suffix = "", labels = {}, value }) => `${name}${suffix}${labelsText(labels)} ${valueText(value)}\n`,
  );
  return `# HELP ${name} ${escaped}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

/** Names of queues and jobs are the application's own: whatever is in them must not end its label. */
function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, text]) => {
    const escaped = text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
    return `${name}="${escaped}"`;
  });
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function valueText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  return String(value);
}
