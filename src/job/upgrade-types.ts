// Steps from the inputs of one version of a job to those of the next, as types.
//
// What a step is given is known to nobody but whoever writes it: so it may say of what type that is, and is not held to it.
//
// Before this file comes nothing. After it come the policy as it is written, and upgrade.ts, which takes the steps.

/** Steps by the version that they take; the one for version 1 gives what version 2 takes. */
export type Upgrades = Readonly<Record<number, Upgrade>>;

/**
 * What makes an input of one version into one of the next. It is given the JSON that was stored, may say what type that
 * is, and should be pure: it is called before each attempt.
 */
export type Upgrade = { step(old: unknown): unknown }["step"];
