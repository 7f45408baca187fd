// The door of `schedule/`: when schedules tick, what they make, and the hand on them.
//
//   calendar  cron in a time zone, and every so often; pure
//   due       what is to be done about ticks that are due; pure
//   define    `schedule()`, and the reading of its options
//   make      the runs of ticks
//   service   ticks them at their time, in every worker
//   hand      lists, pauses, triggers and makes them
//
// The list is written by hand, so that adding to it is a decision.
export { collectSchedules, isSchedule, type ScheduleDefinition, schedule } from "./define.js";
export {
  ScheduleExistsError,
  ScheduleInCodeError,
  ScheduleNotAtHandError,
  ScheduleNotFoundError,
} from "./errors.js";
export { createScheduleHand } from "./hand.js";
export { createScheduler } from "./service.js";
