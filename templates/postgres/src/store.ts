// Where runs live: one place, for the application and for its workers.
export const store =
  process.env.DUCKDIVE_STORE ?? process.env.DATABASE_URL ?? "postgres://localhost:5432/my-app";
