import { assertEquals } from "@std/assert";
import {
  type ErrorCode,
  ERRORS,
  EXIT,
  HarnessError,
  isDeviceFailure,
  isLaunchFailure,
} from "./errors.ts";

const codes = Object.keys(ERRORS) as ErrorCode[];

Deno.test("isLaunchFailure() and isDeviceFailure() follow the table of errors, and know no other error", () => {
  const [launch, device] = [isLaunchFailure, isDeviceFailure].map((isOne) =>
    codes.filter((code) => isOne(new HarnessError(code, "it failed")))
  );
  assertEquals(launch, [
    "model-refused",
    "runner-failed",
    "bad-device-output",
    "timeout",
    "device-lost",
  ]);
  assertEquals(device.filter((code) => !launch.includes(code)), [
    "device-not-found",
    "device-unauthorized",
    "device-offline",
    "device-busy",
    "device-hot",
    "device-unsuitable",
  ]);
  assertEquals([isLaunchFailure(new Error("timeout")), isDeviceFailure("timeout")], [false, false]);
});

Deno.test("ERRORS: what is the user's fault ends the run, and a farm tries what ends less again; one model's fault ends its own launches", () => {
  assertEquals(ERRORS["model-refused"], { exit: EXIT.usage, ends: "launch" });
  for (const code of codes.filter((code) => code !== "model-refused")) {
    const { exit, ends } = ERRORS[code];
    if (exit === EXIT.usage) assertEquals([code, ends], [code, "run"]);
    if (ends !== "run") assertEquals([code, exit], [code, EXIT.environment]);
  }
});
