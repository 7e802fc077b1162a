import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { HarnessError } from "../../errors.ts";
import { makeSecret } from "../../secret.ts";
import { parseStfAddress, type StfClient, stfClient } from "./client.ts";
import {
  type ContractPhone,
  type ContractServer,
  startContractServer,
} from "../testdata/stf_contract_server.ts";
import { isAlive } from "./lent_device.ts";
import { leasePhone, releaseAbandoned } from "./lease.ts";

const TOKEN = "tok-0123456789abcdef";

interface Farm extends AsyncDisposable {
  server: ContractServer;
  client: StfClient;
  noteDir: string;
  connect(token: string): StfClient;
}

async function startFarm(phones: Partial<ContractPhone>[]): Promise<Farm> {
  const server = await startContractServer(TOKEN, phones);
  const noteDir = await Deno.makeTempDir();
  const connect = (token: string) =>
    stfClient({ address: server.address, token: makeSecret(token), timeoutMs: 1000 });
  return {
    server,
    noteDir,
    connect,
    client: connect(TOKEN),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(noteDir, { recursive: true });
    },
  };
}

async function fails(code: string, work: () => Promise<unknown>): Promise<string> {
  const error = await assertRejects(work, HarnessError);
  assertEquals([error.code, error.message.includes("tok-")], [code, false], error.message);
  return error.message;
}

const quick = (farm: Farm) => ({
  idleTimeoutMs: 400,
  waitMs: 0,
  noteDir: farm.noteDir,
  firstPauseMs: 20,
});
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("parseStfAddress() reads host and serial, and refuses users and other schemes", () => {
  const named = parseStfAddress("stf://farm.example/R5CT%2010");
  assertEquals([named.address.origin, named.serial], ["https://farm.example", "R5CT 10"]);
  const plain = parseStfAddress("stf+http://farm:7100");
  assertEquals([plain.address.origin, plain.serial], ["http://farm:7100", null]);
  for (const text of ["stf://me:tok-1@farm/x", "https://farm/x", "stf://", "stf://a/b/c"]) {
    const error = assertThrows(() => parseStfAddress(text), HarnessError);
    assertEquals([error.code, error.message.includes("tok-")], ["bad-option", false]);
  }
});

Deno.test("leasePhone() takes, connects and gives back by the farm's own contract", async () => {
  await using farm = await startFarm([{ serial: "A B" }]);
  {
    await using lease = await leasePhone(farm.client, "A B", quick(farm));
    assertEquals([lease.adbAddress, lease.lost.aborted], ["127.0.0.1:7400", false]);
    assertEquals((await farm.client.phones())[0].state, "ours");
    assertEquals((await Array.fromAsync(Deno.readDir(farm.noteDir))).length, 1);
    const note = [...Deno.readDirSync(farm.noteDir)][0].name;
    assertEquals((await Deno.readTextFile(`${farm.noteDir}/${note}`)).includes(TOKEN), false);
  }
  assertEquals((await farm.client.phones())[0].state, "free");
  assertEquals((await Array.fromAsync(Deno.readDir(farm.noteDir))).length, 0);
  assertEquals(farm.server.breaches, []);
  assertEquals(farm.server.requests.filter((r) => r.startsWith("DELETE")), [
    "DELETE /user/devices/A%20B/remoteConnect",
    "DELETE /user/devices/A%20B",
  ]);
});

Deno.test("leasePhone() keeps a phone for longer than its idle timeout while it is held", async () => {
  await using farm = await startFarm([{ serial: "A" }]);
  await using lease = await leasePhone(farm.client, "A", quick(farm));
  await sleep(1000);
  assertEquals([lease.lost.aborted, (await farm.client.phones())[0].state], [false, "ours"]);
});

Deno.test("the farm takes a phone back from a client that died", async () => {
  await using farm = await startFarm([{ serial: "A" }]);
  await farm.client.reserve("A", 100);
  await sleep(150);
  assertEquals((await farm.client.phones())[0].state, "free");
});

Deno.test("leasePhone() gives the phone back when the work throws", async () => {
  await using farm = await startFarm([{ serial: "A" }]);
  await assertRejects(
    async () => {
      await using _lease = await leasePhone(farm.client, "A", quick(farm));
      throw new Error("work failed");
    },
    Error,
    "work failed",
  );
  assertEquals((await farm.client.phones())[0].state, "free");
});

Deno.test("leasePhone() gives the phone back when it can't be connected to", async () => {
  await using farm = await startFarm([{ serial: "A" }]);
  farm.server.disturb = (method, path) =>
    method === "POST" && path.endsWith("remoteConnect")
      ? Response.json({ success: false, description: "Device is not responding" }, { status: 504 })
      : null;
  await fails("device-offline", () => leasePhone(farm.client, "A", quick(farm)));
  assertEquals((await farm.client.phones())[0].state, "free");
});

Deno.test("a wrong token is refused by a message that says what to do and holds no token", async () => {
  await using farm = await startFarm([{ serial: "A" }]);
  const client = farm.connect("tok-wrong");
  for (const work of [() => client.phones(), () => leasePhone(client, "A", quick(farm))]) {
    assertStringIncludes(await fails("farm-failed", work), "POSEMARK_STF_TOKEN");
  }
});

Deno.test("leasePhone() says who has a phone that another took, or waits for it", async () => {
  await using farm = await startFarm([{ serial: "A", owner: "ada@example.org" }]);
  assertStringIncludes(
    await fails("device-busy", () => leasePhone(farm.client, "A", quick(farm))),
    '"ada"',
  );
  setTimeout(() => farm.server.phones.get("A")!.owner = null, 150);
  await using lease = await leasePhone(farm.client, "A", { ...quick(farm), waitMs: 3000 });
  assertEquals(lease.serial, "A");
});

Deno.test("leasePhone() ends its wait when it is told to", async () => {
  await using farm = await startFarm([{ serial: "A", owner: "ada@example.org" }]);
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("Ctrl-C")), 100);
  const options = { ...quick(farm), waitMs: 60_000, signal: stop.signal };
  await assertRejects(() => leasePhone(farm.client, "A", options), Error, "Ctrl-C");
});

Deno.test("a lease that is lost in the middle of a run aborts with device-lost", async () => {
  await using farm = await startFarm([{ serial: "A" }]);
  await using lease = await leasePhone(farm.client, "A", quick(farm));
  farm.server.phones.get("A")!.owner = "ada@example.org";
  await new Promise((resolve) => lease.lost.addEventListener("abort", resolve));
  const reason = lease.lost.reason as HarnessError;
  assertEquals(reason.code, "device-lost");
  assertStringIncludes(reason.message, "Finished rounds are kept");
  await lease[Symbol.asyncDispose]();
  assertEquals(farm.server.phones.get("A")!.owner, "ada@example.org");
});

Deno.test("a lease outlives a short loss of the network, not one as long as its idle timeout", async () => {
  await using farm = await startFarm([{ serial: "A" }]);
  await using lease = await leasePhone(farm.client, "A", { ...quick(farm), idleTimeoutMs: 1200 });
  await farm.server.close();
  await sleep(500);
  farm.server.reopen();
  await sleep(700);
  assertEquals(lease.lost.aborted, false);
  await farm.server.close();
  await new Promise((resolve) => lease.lost.addEventListener("abort", resolve));
  assertEquals((lease.lost.reason as HarnessError).code, "device-lost");
  const warnings: string[] = [];
  farm.server.reopen();
  await using _other = await leasePhone(farm.connect(TOKEN), "A", {
    ...quick(farm),
    waitMs: 3000,
    onWarning: (warning) => warnings.push(warning.code),
  });
  assertEquals(warnings, []);
});

Deno.test("a phone that can't be given back is said in a warning with what happens to it", async () => {
  await using farm = await startFarm([{ serial: "A" }]);
  const warnings: string[] = [];
  const lease = await leasePhone(farm.client, "A", {
    ...quick(farm),
    firstPauseMs: 1,
    onWarning: (warning) => warnings.push(`${warning.code} ${warning.advice}`),
  });
  await farm.server.close();
  await lease[Symbol.asyncDispose]();
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0], "takes it back by itself");
  assertEquals((await Array.fromAsync(Deno.readDir(farm.noteDir))).length, 1);
});

Deno.test("releaseAbandoned() gives back what a killed process of this host held, and nothing else", async () => {
  await using farm = await startFarm([{ serial: "A" }, { serial: "B" }, { serial: "C" }]);
  const note = { address: farm.client.address, hostName: Deno.hostname(), idleTimeoutMs: 60_000 };
  for (const [serial, pid] of [["A", 999_999], ["B", 1], ["C", 999_999]] as const) {
    await farm.client.reserve(serial, 60_000);
    await Deno.writeTextFile(
      `${farm.noteDir}/${serial}.json`,
      JSON.stringify({ ...note, serial, pid }),
    );
  }
  // The farm has long taken C back: it is that of another run now.
  await Deno.utime(`${farm.noteDir}/C.json`, new Date(0), new Date(0));
  await Deno.writeTextFile(`${farm.noteDir}/broken.json`, "{");
  const released = await releaseAbandoned(
    farm.client,
    farm.noteDir,
    (pid) => Promise.resolve(pid === 1),
  );
  assertEquals(released, ["A"]);
  assertEquals((await farm.client.phones()).map((phone) => phone.state), ["free", "ours", "ours"]);
  const left = (await Array.fromAsync(Deno.readDir(farm.noteDir))).map((entry) => entry.name)
    .sort();
  assertEquals(left, ["B.json", "broken.json"]);
  assertEquals(
    await releaseAbandoned(farm.client, `${farm.noteDir}/none`, () => Promise.resolve(false)),
    [],
  );
});

/** Leaves the note of a process that is no more for each phone, as if it had just been heard of. */
async function abandon(farm: Farm, serials: string[]): Promise<void> {
  for (const serial of serials) {
    await farm.client.reserve(serial, 60_000);
    const note = {
      address: farm.client.address,
      serial,
      hostName: Deno.hostname(),
      pid: 999_999,
      idleTimeoutMs: 60_000,
    };
    await Deno.writeTextFile(`${farm.noteDir}/${serial}.json`, JSON.stringify(note));
  }
}
const dead = () => Promise.resolve(false);

Deno.test("releaseAbandoned() leaves a note that another has dealt with, and the phone of a new lease", async () => {
  await using farm = await startFarm([{ serial: "A" }, { serial: "B" }]);
  await abandon(farm, ["A", "B"]);
  let asked = 0;
  const released = await releaseAbandoned(farm.client, farm.noteDir, async () => {
    // Meanwhile another process gives A back, and leases B anew.
    if (asked++ > 0) return false;
    await Deno.remove(`${farm.noteDir}/A.json`);
    const note = await Deno.readTextFile(`${farm.noteDir}/B.json`);
    await Deno.writeTextFile(`${farm.noteDir}/B.json`, note.replace("999999", "1"));
    return false;
  });
  assertEquals([asked, released], [2, []]);
  assertEquals((await farm.client.phones()).map(({ state }) => state), ["ours", "ours"]);
  assertEquals((await Array.fromAsync(Deno.readDir(farm.noteDir))).map(({ name }) => name), [
    "B.json",
  ]);
});

Deno.test("releaseAbandoned() gives each phone back once when several clean up at once", async () => {
  const serials = ["A", "B", "C"];
  await using farm = await startFarm(serials.map((serial) => ({ serial })));
  await abandon(farm, serials);
  const released = await Promise.all(
    Array.from({ length: 6 }, () => releaseAbandoned(farm.client, farm.noteDir, dead)),
  );
  assertEquals(released.flat().sort(), serials);
  assertEquals(farm.server.requests.filter((request) => request.startsWith("DELETE")).length, 3);
});

Deno.test("releaseAbandoned() goes on past a phone that hangs, warns of it and keeps its note", async () => {
  await using farm = await startFarm([{ serial: "A" }, { serial: "B" }]);
  await abandon(farm, ["A", "B"]);
  farm.server.disturb = (method, path) =>
    method === "DELETE" && path.endsWith("/A")
      ? Response.json({ success: false, description: "Device is not responding" }, { status: 504 })
      : null;
  const warnings: string[] = [];
  const released = await releaseAbandoned(
    farm.client,
    farm.noteDir,
    dead,
    ({ code, message }) => warnings.push(`${code}: ${message}`),
  );
  assertEquals([released, warnings.length], [["B"], 1]);
  assertStringIncludes(warnings[0], 'phone-not-given-back: Phone "A"');
  farm.server.disturb = () => null;
  assertEquals(await releaseAbandoned(farm.client, farm.noteDir, dead), ["A"]);
});

Deno.test("leasePhone() gives the phone back when its note can't be written, and names the folder", async () => {
  await using farm = await startFarm([{ serial: "A" }]);
  // No user can make a folder below a file.
  const noteDir = `${farm.noteDir}/file/leases`;
  await Deno.writeTextFile(`${farm.noteDir}/file`, "");
  const message = await fails(
    "bad-option",
    () => leasePhone(farm.client, "A", { ...quick(farm), noteDir }),
  );
  assertStringIncludes(message, noteDir);
  assertEquals((await farm.client.phones())[0].state, "free");
  assertEquals(farm.server.requests.includes("POST /user/devices"), true);
});

Deno.test("a malformed answer is an error that names what is wrong with it", async () => {
  await using farm = await startFarm([{ serial: "A" }]);
  const answers: [Response | "hang", string][] = [
    [new Response("<html>502 " + TOKEN), "no JSON"],
    [
      Response.json({ success: true, description: "x", devices: [{ name: "A" }] }),
      "devices.0.serial",
    ],
    [Response.json({ success: false, description: "x", devices: [] }), "success"],
    [Response.json(null), "promises"],
    [new Response("", { status: 200 }), "an empty text"],
    [Response.json({ success: false, description: `bad ${TOKEN}` }, { status: 500 }), "500"],
    ["hang", "reach"],
  ];
  for (const [answer, part] of answers) {
    farm.server.disturb = () => answer;
    const message = await fails("farm-failed", () => farm.client.phones());
    if (part !== "reach") assertStringIncludes(message, part);
  }
  farm.server.disturb = (method, path) =>
    path.endsWith("remoteConnect") && method === "POST"
      ? Response.json({ success: true, description: "x", remoteConnectUrl: "$(reboot)" })
      : null;
  assertStringIncludes(await fails("farm-failed", () => farm.client.connect("A")), "host:port");
});

Deno.test("phones that are unknown or away are told apart from those that are taken", async () => {
  await using farm = await startFarm([{ serial: "A", present: false }]);
  assertEquals((await farm.client.phones())[0].state, "away");
  await fails("device-not-found", () => leasePhone(farm.client, "Z", quick(farm)));
  assertStringIncludes(
    await fails("device-busy", () => leasePhone(farm.client, "A", quick(farm))),
    "not plugged in",
  );
  assertEquals(farm.server.breaches, []);
});

Deno.test("startContractServer() notices requests that break the contract", async () => {
  await using farm = await startFarm([{ serial: "A" }]);
  const send = (method: string, path: string, body?: unknown) =>
    fetch(`${farm.server.address.origin}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    }).then((response) => response.body?.cancel());
  await send("POST", "/user/devices", { timeout: 5 });
  await send("POST", "/user/devices", { serial: "A", timeout: "5" });
  await send("POST", "/user/devices", { serial: "A", timeoutMs: 5 });
  await send("PUT", "/user/devices");
  await send("GET", "/devices?colour=red");
  assertEquals(farm.server.breaches.length, 5);
});

Deno.test("a phone is given back on Ctrl-C, and by the next process when its holder was killed", async () => {
  await using farm = await startFarm([{ serial: "A" }, { serial: "B" }]);
  const hold = async (serial: string, signal: Deno.Signal) => {
    const entry = new URL("../testdata/lease_entry.ts", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", entry, farm.server.address.origin, serial, farm.noteDir],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    assertEquals(farm.server.phones.get(serial)!.owner !== null, true);
    child.kill(signal);
    await child.status;
    await reader.cancel();
  };
  await hold("A", "SIGINT");
  assertEquals(farm.server.phones.get("A")!.owner, null);
  await hold("B", "SIGKILL");
  assertEquals(farm.server.phones.get("B")!.owner !== null, true);
  assertEquals(await releaseAbandoned(farm.client, farm.noteDir, isAlive), ["B"]);
  assertEquals(farm.server.phones.get("B")!.owner, null);
});
