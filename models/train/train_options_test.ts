import { assertEquals, assertThrows } from "@std/assert";
import { HarnessError } from "../../harness/errors.ts";
import { SHIPPED_SCHEDULE, trainOptionsOf } from "./train_options.ts";

const HOME = (name: string) => name === "HOME" ? "/home/ann" : undefined;

function assertBadOption(args: string[], message: string): void {
  const error = assertThrows(() => trainOptionsOf(args, HOME), HarnessError, message);
  assertEquals((error as HarnessError).code, "bad-option");
}

Deno.test("trainOptionsOf() is the shipped schedule in the user's cache when only the activation is given", () => {
  assertEquals(trainOptionsOf(["--activation", "relu"], HOME), {
    ...SHIPPED_SCHEDULE,
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
  const args = [
    "--activation=silu",
    "--batches",
    "20",
    "--imgsz",
    "96",
    "--seed",
    "0",
    "--out",
    "o",
  ];
  const options = trainOptionsOf(args, HOME);
  assertEquals([options.batches, options.trainSidePx, options.seed, options.out], [20, 96, 0, "o"]);
});

Deno.test("trainOptionsOf() refuses a missing or unknown activation", () => {
  assertBadOption([], "--activation is missing");
  assertBadOption(["--activation", "gelu"], "--activation is gelu: expected silu or relu");
});

Deno.test("trainOptionsOf() refuses numbers that are out of range or not numbers", () => {
  assertBadOption(["--activation", "relu", "--imgsz", "100"], "a multiple of 32");
  assertBadOption(["--activation", "relu", "--batches", "0"], "from 1 on");
  assertBadOption(["--activation", "relu", "--batch", "x"], '--batch is "x"');
  assertBadOption(["--activation", "relu", "--seed="], '--seed is ""');
});

Deno.test("trainOptionsOf() refuses an option that it does not know", () => {
  assertBadOption(["--activation", "relu", "--epoch", "3"], "--epoch");
});
