import { assertEquals } from "@std/assert";
import { paretoFront } from "./tradeoff_section.js";

Deno.test("paretoFront() keeps who is not beaten in both when some are dominated or equal", () => {
  const points = [
    { time: 60, accuracy: 0.5 },
    { time: 30, accuracy: 0.39 },
    { time: 45, accuracy: 0.38 },
    { time: 30, accuracy: 0.35 },
    { time: 70, accuracy: 0.5 },
  ];
  assertEquals(paretoFront(points), [1, 0]);
  assertEquals(paretoFront([]), []);
  assertEquals(paretoFront([{ time: 1, accuracy: 0 }]), [0]);
});
