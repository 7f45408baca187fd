// Where runs live: one place, for the application and for its workers.
export const store = process.env.DUCKDIVE_STORE ?? "sqlite:./duckdive.db";
