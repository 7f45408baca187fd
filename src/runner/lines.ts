// Bytes of a pipe as lines.
//
// A line that does not end is not kept for ever: what has grown over the limit is dropped up to the next line break,
// because whoever writes to the pipe is a process that may have lost its mind.
//
// Before this file comes a stream. After it comes the reader of messages.
import { StringDecoder } from "node:string_decoder";

const longestLine = 1_048_576;

/** Takes chunks as they come, and calls back with each whole line, without its end. */
export function lineSplitter(onLine: (line: string) => void, longest = longestLine): (chunk: Buffer) => void {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let isTooLong = false;
  return (chunk) => {
    const parts = (rest + decoder.write(chunk)).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) {
      if (!isTooLong && line !== "") onLine(line);
      isTooLong = false;
    }
    if (rest.length > longest) {
      rest = "";
      isTooLong = true;
    }
  };
}
