import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parse } from "@std/yaml";
import { HarnessError } from "../errors.ts";
import { phoneFixture } from "../gate/testdata/gate_fixture.ts";
import { findNodeDevice } from "./node_device.ts";
import { nodeLines, nodeName, nodeTable, phoneNodes, readNodeTable, slurmConf } from "./nodes.ts";
import { needs } from "../testdata/needs.ts";

const PHONE = phoneFixture("R5CT10", {
  model: "SM-S911B",
  manufacturer: "samsung",
  soc: "QTI SM8550",
});

Deno.test("phoneNodes() makes one node a phone, each on a port of its own", () => {
  const nodes = phoneNodes([PHONE, { ...PHONE, serial: "10.0.0.5:5555" }], {
    hostName: "shelf1",
    address: "10.0.0.1",
    firstPort: 18001,
  });
  assertEquals(nodes.map(({ name, port }) => [name, port]), [
    ["phone-r5ct10", 18001],
    ["phone-10-0-0-5-5555", 18002],
  ]);
  const lines = nodeLines(nodes);
  assertStringIncludes(
    lines,
    "NodeName=phone-r5ct10 NodeHostname=shelf1 NodeAddr=10.0.0.1 Port=18001 CPUs=1 RealMemory=100 " +
      "Feature=phone.r5ct10,soc.qti_sm8550,soc.sm8550,model.sm_s911b,android.14,abi.arm64_v8a State=UNKNOWN",
  );
  assertStringIncludes(lines, "OverSubscribe=EXCLUSIVE");
  assertThrows(() => nodeLines([nodes[0], nodes[0]]), HarnessError, "phone-r5ct10");
});

Deno.test("readNodeTable() finds what nodeTable() wrote, and names what is wrong", () => {
  const table = "# by hand\n" + nodeTable([PHONE], "127.0.0.1:5038");
  assertEquals(readNodeTable(table, nodeName("R5CT10"), "t"), {
    serial: "R5CT10",
    adbServer: "127.0.0.1:5038",
  });
  assertThrows(() => readNodeTable(table, "phone-x", "t"), HarnessError, '"phone-x"');
  assertThrows(() => readNodeTable("a b c\n", "a", "t"), HarnessError, "line 1");
});

Deno.test("slurmConf() queues shards that exit 75 again, and drains phones by the prolog", () => {
  const conf = slurmConf({
    clusterName: "c",
    controller: { host: "h", address: "a", port: 6817 },
    user: "slurm",
    dir: "/etc/posemark",
    mungeSocket: "/run/munge",
    nodeTimeoutSeconds: 30,
    credentialSeconds: 30,
  });
  for (
    const part of ["RequeueExit=75", "Prolog=/etc/posemark/prolog.sh", "nohold_on_prolog_fail"]
  ) {
    assertStringIncludes(conf, part);
  }
});

Deno.test("findNodeDevice() takes --device, else the node's line in the table", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, "n1\tR5CT10\t127.0.0.1:5038\n");
  const env: Record<string, string> = { SLURMD_NODENAME: "n1", POSEMARK_NODE_TABLE: file };
  const get = (name: string) => env[name];
  assertEquals(await findNodeDevice(undefined, get), {
    phone: "n1",
    serial: "R5CT10",
    adbServer: "127.0.0.1:5038",
  });
  assertEquals(await findNodeDevice("host", get), { phone: "n1", serial: "host", adbServer: null });
  assertEquals((await findNodeDevice("host", () => undefined)).phone, "host");
  await Deno.remove(file);
  const code = (work: Promise<unknown>) =>
    work.then(() => null, (error) => (error as HarnessError).code);
  assertEquals(await code(findNodeDevice(undefined, () => undefined)), "bad-option");
  assertEquals(await code(findNodeDevice(undefined, get)), "bad-config");
});

/**
 * The prolog beside a table, its limit a second; `adb` is a script of that name in its folder where
 * there is one.
 */
async function prologIn(dir: string, table: string) {
  const text = await Deno.readTextFile(new URL("./slurm/prolog.sh", import.meta.url));
  const script = text
    .replace("PATH=/usr/local/bin", `PATH=${dir}:/usr/local/bin`).replace("limit=15", "limit=1");
  await Deno.writeTextFile(`${dir}/prolog.sh`, script, { mode: 0o755 });
  await Deno.writeTextFile(`${dir}/nodes.tsv`, table);
  return async (node: string): Promise<{ success: boolean; stderr: string }> => {
    const { success, stderr } = await new Deno.Command(`${dir}/prolog.sh`, {
      env: { SLURMD_NODENAME: node },
    }).output();
    return { success, stderr: new TextDecoder().decode(stderr).trim() };
  };
}

Deno.test("prolog.sh passes a host, and drains a phone that is unknown, silent, frozen or unauthorized", async () => {
  const dir = await Deno.makeTempDir();
  const phones = { ok: "A", un: "B", frozen: "C" };
  const lines = Object.entries(phones).map(([node, serial]) =>
    `${node}\t${serial}\t127.0.0.1:5037`
  );
  const prolog = await prologIn(dir, ["h\thost\t-", ...lines, ""].join("\n"));
  // An adb of our own: no server runs at first, and by -H none is started, as with the real one.
  await Deno.writeTextFile(
    `${dir}/adb`,
    `#!/bin/sh
case "$*" in
  "-P 5037 start-server") echo started >> ${dir}/started; exit 0 ;;
esac
[ -e ${dir}/started ] || { echo "* cannot start server on remote host" >&2; exit 1; }
echo "adb W 11-24 network.cpp:150] noise" >&2
case "$*" in
  *"-s A get-state"|*"-s C get-state") echo device ;;
  *"-s A shell"*) echo alive ;;
  *"-s C shell"*) sleep 60 ;;
  *wait-for-device) ;;
  *) echo "error: device unauthorized" >&2; exit 1 ;;
esac
`,
    { mode: 0o755 },
  );
  assertEquals((await prolog("h")).success, true);
  assertEquals(await prolog("ok"), { success: true, stderr: "" });
  const un = await prolog("un");
  assertEquals(un.success, false);
  assertStringIncludes(un.stderr, "device unauthorized");
  const frozen = await prolog("frozen");
  assertEquals(frozen.success, false);
  assertStringIncludes(frozen.stderr, "C: does not answer");
  const nobody = await prolog("nobody");
  assertEquals(nobody.success, false);
  assertStringIncludes(nobody.stderr, '"nobody"');
  await Deno.remove(dir, { recursive: true });
});

Deno.test({
  name: "prolog.sh starts adb's server of this host after a reboot",
  ...needs("adb"),
  async fn() {
    const dir = await Deno.makeTempDir();
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    const prolog = await prologIn(dir, `p\tno-such-phone\t127.0.0.1:${port}\n`);
    try {
      const { success, stderr } = await prolog("p");
      assertEquals([success, stderr.includes("no-such-phone")], [false, true]);
      // The server is up, so the phone itself is what was complained about.
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      assertStringIncludes(stderr, "not found");
    } finally {
      await new Deno.Command("adb", { args: ["-P", String(port), "kill-server"] }).output();
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test("the example workflow is YAML whose steps never hold a token", async () => {
  const text = await Deno.readTextFile(new URL("./slurm/github-workflow.yml", import.meta.url));
  type Step = { run: string; env: Record<string, string>; if: string };
  const workflow = parse(text) as { jobs: { gate: { steps: Step[] } } };
  const [, gate, report] = workflow.jobs.gate.steps;
  assertStringIncludes(gate.run, "--farm slurm");
  assertEquals(Object.keys(gate.env).every((name) => name.endsWith("_FILE")), true);
  assertEquals(report.if, "always()");
  assertEquals(/secrets\./.test(text), false);
});
