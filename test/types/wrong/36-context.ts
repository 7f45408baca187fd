import { withContext } from "duckdive";

withContext({ userId: 7 }, () => {}); // what is carried is text
