import { assertEquals } from "@std/assert";
import {
  count,
  fixed,
  fps,
  megabytes,
  ms,
  msBounds,
  oks,
  px,
  ratioParts,
  score,
  signed,
  significant,
} from "./numbers.js";

Deno.test("significant() keeps three digits and no exponent when numbers are small, large or round up", () => {
  assertEquals(significant(60.234, 3), "60.2");
  assertEquals(significant(0.091234, 3), "0.0912");
  assertEquals(significant(9.999, 3), "10.0");
  assertEquals(significant(1234.5, 3), "1235");
  assertEquals(significant(0, 3), "0");
  assertEquals(significant(NaN, 3), "–");
});

Deno.test("fixed() and signed() write a real minus, and no sign for what rounds to zero, when negative", () => {
  assertEquals(fixed(-0.256, 2), "\u22120.26");
  assertEquals(fixed(-0.001, 2), "0.00");
  assertEquals(signed(0.0123, 3), "+0.012");
  assertEquals(signed(-0.0001, 3), "0.000");
});

Deno.test("ms() and fps() show a dash when the value is missing", () => {
  assertEquals([ms(60_234_000), ms(null), fps(16.6), fps(null)], ["60.2 ms", "–", "16.6", "–"]);
});

Deno.test("msBounds() has the decimals of its middle, and is null when there is no interval", () => {
  assertEquals(msBounds({ value: 60.234e6, low: 59.84e6, high: 60.7e6 }), {
    low: "59.8",
    high: "60.7",
  });
  assertEquals(msBounds({ value: 60e6, low: null, high: null }), null);
});

Deno.test("ratioParts() shows a third decimal when the interval is narrower than half a percent", () => {
  assertEquals(ratioParts({ value: 1.4189, low: 1.391, high: 1.4512 }), {
    value: "1.42",
    bounds: { low: "1.39", high: "1.45" },
  });
  assertEquals(ratioParts({ value: 1.0021, low: 1.001, high: 1.0032 }).bounds, {
    low: "1.001",
    high: "1.003",
  });
  assertEquals(ratioParts({ value: 1.5, low: null, high: null }), { value: "1.50", bounds: null });
});

Deno.test("ratioParts() never rounds an end to 1 that is on one side of it", () => {
  const text = (value: number, low: number, high: number) => {
    const parts = ratioParts({ value, low, high });
    return `${parts.value} ${parts.bounds?.low} ${parts.bounds?.high}`;
  };
  assertEquals(text(1.014, 1.003, 1.025), "1.014 1.003 1.025");
  assertEquals(text(0.98, 0.963, 0.997), "0.980 0.963 0.997");
  assertEquals(text(1.02, 1.0003, 1.04), "1.0200 1.0003 1.0400");
  assertEquals(text(1.02, 1, 1.04), "1.02 1.00 1.04");
});

Deno.test("px(), oks(), score(), megabytes() and count() have sensible digits when values are extreme", () => {
  assertEquals([px(0.34), px(0.00012), px(0), px(null)], ["0.34 px", "<0.001 px", "0 px", "–"]);
  assertEquals([oks(0.9999712), oks(1), oks(0.85), oks(null)], ["0.999971", "1", "0.850", "–"]);
  assertEquals([score(0.5044), score(null)], ["0.504", "–"]);
  assertEquals(megabytes(13_199_999), "13.2 MB");
  assertEquals(count(1006080), "1\u2009006\u2009080");
});
