/**
 * A harness to kill: opens a board, launches something long, and says when it runs.
 * `deno run -A hold_board.ts NAME SSH_CONFIG FILE SECONDS`
 *
 * @module
 */
import { openBoard } from "../ssh/board.ts";

const [name, configFile, begun, seconds] = Deno.args;
const device = await openBoard(name, { ssh: { program: "ssh", configFile }, who: "dead@host" });
const runDir = await device.runDir("held");
const line = `sleep ${seconds} & echo >${begun}; wait`;
await device.launch({ command: ["sh", "-c", line], name: "job", runDir }, { timeoutMs: 600_000 });
