import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { openHost } from "../device/host/host.ts";
import { HarnessError } from "../errors.ts";
import type { FarmEngine, ShardBatch } from "./engine.ts";
import { makeSecret } from "../secret.ts";
import { waitFor } from "./testdata/slurm_cluster.ts";
import { stfClient } from "../device/stf/client.ts";
import { startContractServer } from "../device/testdata/stf_contract_server.ts";
import { openLentDevice, openStfDevice } from "../device/stf/lent_device.ts";
import { stfEngine, type StfEngineOptions } from "./stf_engine.ts";

const BATCH: ShardBatch = {
  name: "gate",
  runId: "r",
  indices: [0, 1],
  features: ["model.pixel_8"],
  command: [],
  environment: {},
  timeLimitMinutes: null,
};

async function ended(engine: FarmEngine, id: string): Promise<string[]> {
  await waitFor(
    async () =>
      (await engine.status([id])).every((t) => t.state !== "waiting" && t.state !== "running"),
    5000,
  );
  return (await engine.status([id])).map((t) => `${t.index} ${t.state} ${t.node} ${t.restarts}`);
}

async function engineWith(run: StfEngineOptions["runShard"]) {
  const server = await startContractServer("tok", [{ serial: "A" }, { serial: "B" }, {
    serial: "C",
    present: false,
  }]);
  const client = stfClient({ address: server.address, token: makeSecret("tok"), timeoutMs: 1000 });
  return { server, client, engine: stfEngine({ client, runShard: run, retryPauseMs: 5 }) };
}

Deno.test("stfEngine() runs shards on phones with their features, and tells what became of them", async () => {
  const ran: string[] = [];
  const { server, engine } = await engineWith((_batch, index, serial) => {
    ran.push(`${index} ${serial}`);
    return Promise.resolve(index === 0 ? 0 : 2);
  });
  const id = await engine.submit(BATCH);
  assertEquals(await ended(engine, id), ["0 done A 0", "1 failed A 0"]);
  assertEquals(ran, ["0 A", "1 A"]);
  assertEquals((await engine.nodes()).map((node) => [node.name, node.state]), [["A", "idle"], [
    "B",
    "idle",
  ], ["C", "down"]]);
  await assertRejects(() => engine.drain("A", "x"), HarnessError, "no call");
  await engine[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

Deno.test("stfEngine() tries a shard that was given back on another phone, and holds it after five more", async () => {
  const ran: string[] = [];
  const { server, engine } = await engineWith((_batch, index, serial) => {
    ran.push(`${index}${serial}`);
    return Promise.resolve(index === 0 && serial === "B" ? 0 : 75);
  });
  const id = await engine.submit(BATCH);
  assertEquals(await ended(engine, id), ["0 done B 1", "1 held A 5"]);
  assertEquals(ran.slice(0, 2), ["0A", "0B"]);
  assertEquals(ran.filter((each) => each.startsWith("1")).length, 6);
  await engine[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

Deno.test("stfEngine() never runs two shards on one phone, and cancels what waits", async () => {
  let busy = 0;
  let most = 0;
  const { server, engine } = await engineWith(async (_batch, _index, _serial, signal) => {
    most = Math.max(most, ++busy);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    busy--;
    return 75;
  });
  const features = ["phone.a"];
  const ids = [
    await engine.submit({ ...BATCH, features }),
    await engine.submit({ ...BATCH, features, indices: [2] }),
  ];
  await waitFor(() => Promise.resolve(busy === 1), 2000);
  await engine.cancel(ids);
  const states = (await engine.status(ids)).map((task) => task.state);
  assertEquals([states, most], [["cancelled", "cancelled", "cancelled"], 1]);
  await engine[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

Deno.test("openLentDevice() has the farm's serial, and gives the phone back with the device or when opening fails", async () => {
  const { server, client, engine } = await engineWith(() => Promise.resolve(0));
  const noteDir = await Deno.makeTempDir();
  const opened: string[] = [];
  {
    await using device = await openLentDevice(client, "A", {
      noteDir,
      open: (address) => (opened.push(address), Promise.resolve(openHost())),
    });
    assertEquals([device.serial, (await device.describe()).serial, opened[0]], [
      "A",
      "A",
      "127.0.0.1:7400",
    ]);
    assertEquals((await client.phones())[0].state, "ours");
  }
  assertEquals((await client.phones())[0].state, "free");
  const failing = () => Promise.reject(new HarnessError("device-unauthorized", "no key"));
  await assertRejects(
    () => openLentDevice(client, "A", { noteDir, open: failing }),
    HarnessError,
    "no key",
  );
  assertEquals((await client.phones())[0].state, "free");
  await engine[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await Deno.remove(noteDir, { recursive: true });
});

Deno.test("openLentDevice() cleans up once for all phones of a process, and a phone that hangs is in nobody's way", async () => {
  const { server, client, engine } = await engineWith(() => Promise.resolve(0));
  const noteDir = await Deno.makeTempDir();
  const note = {
    address: client.address,
    serial: "Hung",
    hostName: Deno.hostname(),
    pid: 999_999,
    idleTimeoutMs: 60_000,
  };
  await Deno.writeTextFile(`${noteDir}/hung.json`, JSON.stringify(note));
  const hanging = "DELETE /user/devices/Hung";
  server.disturb = (method, path) => `${method} ${path}` === hanging ? "hang" : null;
  const warnings: string[] = [];
  const open = (serial: string) =>
    openLentDevice(client, serial, {
      noteDir,
      open: () => Promise.resolve(openHost()),
      onWarning: (warning) => warnings.push(warning.code),
    });
  const devices = await Promise.all([open("A"), open("B")]);
  assertEquals(devices.map(({ serial }) => serial), ["A", "B"]);
  for (const device of devices) await device[Symbol.asyncDispose]();
  await (await open("A"))[Symbol.asyncDispose]();
  assertEquals(server.requests.filter((request) => request === hanging).length, 1);
  assertEquals(warnings, ["phone-not-given-back"]);
  await engine[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  await Deno.remove(noteDir, { recursive: true });
});

Deno.test("openStfDevice() refuses an address without a phone", async () => {
  const error = await assertRejects(() => openStfDevice("stf://farm.example"), HarnessError);
  assertStringIncludes(error.message, "names no phone");
});
