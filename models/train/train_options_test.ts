import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../../harness/errors.ts";
import { SHIPPED_EXPORT_SIDE_PX, SHIPPED_STAGES } from "./schedule.ts";
import { trainOptionsOf } from "./train_options.ts";

const HOME = (name: string) => name === "HOME" ? "/home/ann" : undefined;

function assertBadOption(args: string[], message: string): void {
  const error = assertThrows(() => trainOptionsOf(args, HOME), HarnessError, message);
  assertEquals((error as HarnessError).code, "bad-option");
}

Deno.test("trainOptionsOf() is the shipped schedule in the user's cache when only the activation is given", () => {
  assertEquals(trainOptionsOf(["--activation", "relu"], HOME), {
    stages: [...SHIPPED_STAGES],
    seed: 0,
    threads: 1,
    exportSidePx: SHIPPED_EXPORT_SIDE_PX,
    activation: "relu",
    cache: "/home/ann/.cache/posemark",
    out: "/home/ann/.cache/posemark/train/models",
  });
});

Deno.test("trainOptionsOf() follows XDG_CACHE_HOME", () => {
  const xdg = (name: string) => name === "XDG_CACHE_HOME" ? "/var/cache" : HOME(name);
  assertEquals(trainOptionsOf(["--activation", "silu"], xdg).cache, "/var/cache/posemark");
});

Deno.test("trainOptionsOf() takes numbers and folders from the arguments", () => {
  const args = ["--activation=silu", "--batches", "20", "--export-imgsz", "96", "--seed", "0"];
  const options = trainOptionsOf([...args, "--out", "o", "--cache", "c"], HOME);
  assertEquals(options.stages.map(({ batches }) => batches), SHIPPED_STAGES.map(() => 20));
  assertEquals([options.exportSidePx, options.seed, options.out, options.cache], [96, 0, "o", "c"]);
});

Deno.test("trainOptionsOf() refuses a missing or unknown activation", () => {
  assertBadOption([], "--activation is missing");
  assertBadOption(["--activation", "gelu"], "--activation is gelu: expected silu or relu");
});

Deno.test("trainOptionsOf() refuses numbers that are out of range or not numbers", () => {
  assertBadOption(["--activation", "relu", "--export-imgsz", "100"], "a multiple of 32");
  assertBadOption(["--activation", "relu", "--batches", "0"], "from 1 on");
  assertBadOption(["--activation", "relu", "--threads", "x"], '--threads is "x"');
  assertBadOption(["--activation", "relu", "--seed="], '--seed is ""');
});

Deno.test("trainOptionsOf() refuses an option that it does not know", () => {
  assertBadOption(["--activation", "relu", "--epoch", "3"], "--epoch");
});
