import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { startEmulated } from "../device/testdata/emulated/emulated_device.ts";
import { SHARED, sharedModel } from "../model/testdata/shared.ts";
import type { Report, ReportVariant } from "../report/report_json.ts";
import { runTask } from "../run/testdata/command.ts";
import { inGroup } from "../testdata/needs.ts";

/**
 * People are large enough in these to be found at 160 px; smaller inputs make the bar of 10 px too
 * tight for fp16.
 */
const PHOTOGRAPHS = ["000000183709.jpg", "000000349860.jpg"];
/** The adb server of this test alone. */
const SERVER = { ANDROID_ADB_SERVER_PORT: "15171" };

Deno.test({
  name:
    "bench runs on three emulated phones at once: parity by arm64 instructions, precision as it ran",
  ...inGroup("device", "emulator"),
  // the adb server outlives the test
  sanitizeResources: false,
  async fn() {
    const folder = await Deno.makeTempDir();
    await using phones = new AsyncDisposableStack();
    phones.defer(() => Deno.remove(folder, { recursive: true }));
    const serials: string[] = [];
    for (const [index, cpu] of (["cortex-a76", "cortex-a76", "cortex-a53"] as const).entries()) {
      const phone = phones.use(
        await startEmulated({ name: `bench${index}`, port: 6571 + 2 * index, cpu, cores: 1 }),
      );
      serials.push(phone.serial);
    }
    const images = path.join(folder, "images");
    await Deno.mkdir(images);
    for (const name of PHOTOGRAPHS) {
      await Deno.copyFile(
        path.join(SHARED, "data", "coco", "images", name),
        path.join(images, name),
      );
    }
    const bench = async (name: string, on: string[], args: string[]): Promise<Report> => {
      const { code, stdout, stderr } = await runTask("bench", [
        ...on.flatMap((serial) => ["--device", serial]),
        ...["--model", sharedModel("yolov8n-pose-silu.onnx"), "--images", images],
        ...["--out", path.join(folder, name), "--shape", "160x160", "--threads", "1"],
        ...["--rounds", "1", "--iterations", "1", "--warmup", "0", "--measure-images", "1"],
        ...["--stage-images", "1", "--json", ...args],
      ], SERVER);
      assertEquals(code, 0, stderr);
      return JSON.parse(stdout);
    };
    const report = await bench("all", serials, [
      ...["--precision", "fp32,fp16-storage,fp16", "--benchncnn-rounds", "0"],
    ]);
    assertEquals(report.devices.map(({ serial }) => serial), serials);
    assert(report.devices.every(({ emulated }) => emulated));
    assertEquals(report.variants.length, 9);
    for (const variant of report.variants) {
      assertEquals(variant.parity.verdict, "pass", `${variant.id}: ${variant.parity.reason}`);
      assert(variant.parity.matched > 0);
      // times of an emulated phone do not count
      assertEquals([variant.fps, variant.ratio, variant.rank], [null, null, null]);
      assertEquals(variant.rounds, 1);
    }
    const effective = (serial: string, precision: string) =>
      report.variants.find((variant: ReportVariant) =>
        variant.device === serial && variant.precision.requested === precision
      )!;
    for (const serial of serials.slice(0, 2)) {
      assertEquals(effective(serial, "fp32").precision.effective, "fp32");
      assertEquals(effective(serial, "fp16-storage").precision.effective, "fp16-storage");
      assertEquals(effective(serial, "fp16").precision.effective, "fp16-arithmetic");
    }
    const old = effective(serials[2], "fp16");
    assert(old.precision.effective !== "fp16-arithmetic");
    const warning = old.warnings.find(({ code }) => code === "precision-not-run");
    assertStringIncludes(warning!.message, old.precision.effective!);
    for (const serial of serials) {
      const own = report.launches.filter(({ device }) => device === serial);
      assertEquals(own.length, 3);
      assert(own.every(({ marks }) => marks.includes("emulated")));
    }
    const [{ benchncnn }] = (await bench("benchncnn", serials.slice(0, 1), [
      ...["--precision", "fp32", "--benchncnn-rounds", "1"],
    ])).variants;
    assertEquals(benchncnn!.rounds, 1);
    assert(benchncnn!.minMs > 0);
  },
});
