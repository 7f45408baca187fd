// What a module exports, as far as it concerns duckdive: things by name, in lists, and in a default export that holds
// things by name.
//
// Before this file comes a loaded module. After it come those who look for jobs and configurations in it.

/** All values that could be meant; a default export that is such a thing itself is not looked into. */
export function valuesIn(
  exports: Readonly<Record<string, unknown>>,
  isThing: (value: unknown) => boolean,
): unknown[] {
  const values = Object.values(exports).flatMap((value): unknown[] =>
    Array.isArray(value) ? value : [value],
  );
  const { default: main } = exports;
  if (typeof main === "object" && main !== null && !Array.isArray(main) && !isThing(main))
    values.push(...Object.values(main));
  return values;
}
