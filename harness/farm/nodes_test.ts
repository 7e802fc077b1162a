import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parse } from "@std/yaml";
import { HarnessError } from "../errors.ts";
import { phoneFixture } from "../gate/gate_fixture.ts";
import { findNodeDevice } from "./node_device.ts";
import { nodeLines, nodeName, nodeTable, phoneNodes, readNodeTable, slurmConf } from "./nodes.ts";

const PHONE = phoneFixture("R5CT10", {
  model: "SM-S911B",
  manufacturer: "samsung",
  soc: "SM8550",
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
      "Feature=phone.r5ct10,soc.sm8550,model.sm_s911b,android.14,abi.arm64_v8a State=UNKNOWN",
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

Deno.test("prolog.sh passes a host, and drains a phone that is unknown, silent, frozen or unauthorized", async () => {
  const dir = await Deno.makeTempDir();
  await Deno.copyFile(new URL("./slurm/prolog.sh", import.meta.url), `${dir}/prolog.sh`);
  // An adb of our own that says what the test wants.
  const script = (await Deno.readTextFile(`${dir}/prolog.sh`))
    .replace("PATH=/usr/local/bin", `PATH=${dir}:/usr/local/bin`).replace("limit=15", "limit=1");
  await Deno.writeTextFile(`${dir}/prolog.sh`, script, { mode: 0o755 });
  await Deno.writeTextFile(
    `${dir}/nodes.tsv`,
    "h\thost\t-\nok\tA\t127.0.0.1:5037\nun\tB\t127.0.0.1:5037\nfrozen\tC\t127.0.0.1:5037\n",
  );
  await Deno.writeTextFile(
    `${dir}/adb`,
    `#!/bin/sh
case "$*" in
  *"-s A get-state"|*"-s C get-state") echo device ;;
  *"-s A shell"*) echo alive ;;
  *"-s C shell"*) sleep 60 ;;
  *) echo "error: device unauthorized" >&2; exit 1 ;;
esac
`,
    { mode: 0o755 },
  );
  const codes: Record<string, boolean> = {};
  for (const node of ["h", "ok", "un", "frozen", "nobody"]) {
    const output = await new Deno.Command(`${dir}/prolog.sh`, {
      env: { SLURMD_NODENAME: node },
      stderr: "null",
    }).output();
    codes[node] = output.success;
  }
  assertEquals(codes, { h: true, ok: true, un: false, frozen: false, nobody: false });
  await Deno.remove(dir, { recursive: true });
});

Deno.test("the example workflow is YAML whose steps never hold a token", async () => {
  const text = await Deno.readTextFile(new URL("./slurm/github-workflow.yml", import.meta.url));
  // deno-lint-ignore no-explicit-any
  const workflow = parse(text) as any;
  const [, gate, report] = workflow.jobs.gate.steps;
  assertStringIncludes(gate.run, "--farm slurm");
  assertEquals(Object.keys(gate.env).every((name) => name.endsWith("_FILE")), true);
  assertEquals(report.if, "always()");
  assertEquals(/secrets\./.test(text), false);
});
