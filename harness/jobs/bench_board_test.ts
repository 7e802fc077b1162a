import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { startLoopbackSshd } from "../device/testdata/loopback_sshd.ts";
import { readRecords } from "../record/record_log.ts";
import type { Report } from "../report/report_json.ts";
import { oneFixture, ROOT, runTask, startTask } from "../run/testdata/command.ts";
import { inGroup } from "../testdata/needs.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";

/** One thread and a small input: the tests share the machine. */
const QUICK = [
  ...["--model", path.join(ROOT, "models", "posemark-n-relu.onnx"), "--precision", "fp32"],
  ...["--threads", "1", "--shape", "160x160", "--warmup", "0", "--iterations", "2"],
  ...["--measure-images", "1", "--stage-images", "1", "--json"],
];

/** Kills a process and all below it, as a machine out of memory does. */
async function killTree(pid: number): Promise<void> {
  const { stdout } = await new Deno.Command("pgrep", { args: ["-P", String(pid)] }).output();
  for (const child of new TextDecoder().decode(stdout).split("\n").filter(Boolean)) {
    await killTree(Number(child));
  }
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
  }
}

Deno.test({
  name:
    "bench and gate run on a board by ssh, and a harness that was killed goes on where it stopped",
  ...inGroup("device", "sshd"),
  fn: () =>
    inTempFolder(async (folder) => {
      await using sshd = await startLoopbackSshd();
      const env = { POSEMARK_SSH_CONFIG: sshd.ssh.configFile! };
      const images = await oneFixture(folder);
      const out = path.join(folder, "run");
      const args = ["--device", sshd.name, ...QUICK, "--images", images];
      const bench = [...args, "--out", out, "--benchncnn-rounds", "0"];
      const launches = () => {
        try {
          const { records } = readRecords(path.join(out, "records.jsonl"));
          return records.filter(({ kind }) => kind === "launch").length;
        } catch {
          return 0;
        }
      };
      const killed = startTask("bench", [...bench, "--rounds", "500"], env);
      const ended = killed.output();
      while (launches() < 2) await new Promise((resolve) => setTimeout(resolve, 50));
      await killTree(killed.pid);
      await ended;
      const kept = launches();

      const rounds = kept + 2;
      const resumed = await runTask("bench", [...bench, "--resume", "--rounds", `${rounds}`], env);
      assertEquals(resumed.code, 0, resumed.stderr);
      assertStringIncludes(resumed.stderr, "its process on this machine is gone");
      const report: Report = JSON.parse(resumed.stdout);
      assertEquals(launches(), rounds);
      const [device] = report.devices;
      assertEquals([device.serial, device.kind, device.emulated], [sshd.name, "ssh", false]);
      assertEquals(device.target, "x86_64-linux");
      const [variant] = report.variants;
      assertEquals(variant.parity.verdict, "pass", variant.parity.reason ?? "");
      // the board's times count as any other machine's
      assert(variant.fps !== null && variant.fps > 0);

      const config = path.join(folder, "posemark.json");
      const gate = { budgetSeconds: 6, thresholdsPercent: { "total.p50": 300 } };
      await Deno.writeTextFile(config, JSON.stringify({ gate, devices: [sshd.name] }));
      const asked = ["--config", config, "--baseline", variant.id];
      const gated = await runTask(
        "gate",
        [...args, ...asked, "--out", path.join(folder, "gate")],
        env,
      );
      // Against itself: no loss of four times the time, whether it knows by then or not.
      assert([0, 4].includes(gated.code), gated.stderr);
      const result = JSON.parse(gated.stdout);
      assertEquals([result.device, result.parity.verdict], [sshd.name, "pass"]);
      assert(result.blocks > 0);

      const listed = await runTask("devices", ["--json", "--config", config], env);
      const row = JSON.parse(listed.stdout).find(({ kind }: { kind: string }) => kind === "ssh");
      assertEquals([row.serial, row.obstacle], [sshd.name, null]);
    }),
});
