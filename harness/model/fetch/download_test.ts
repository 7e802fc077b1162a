import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../../errors.ts";
import { SILENT } from "../../progress.ts";
import { download, type DownloadRequest } from "./download.ts";
import { sha256Hex } from "../../hash.ts";
import { needsRoot } from "../../testdata/needs.ts";

const BYTES = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255);
const SHA256 = await sha256Hex(BYTES);

/**
 * What a server answers: how many body bytes it sends before it hangs up, and whether it knows
 * ranges.
 */
interface Answer {
  hangUpAfter?: number;
  ignoresRange?: boolean;
  status?: string;
  location?: string;
  body?: Uint8Array;
}

/**
 * Serves one answer per connection by hand, so that it can lie and break off; the last answer
 * repeats.
 */
async function withServer(
  answers: Answer[],
  test: (url: string, requests: string[]) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const requests: string[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      const answer = answers[Math.min(requests.length, answers.length - 1)];
      await respond(connection, answer, requests).catch(() => {});
    }
  })();
  const { port } = listener.addr as Deno.NetAddr;
  try {
    await test(`http://127.0.0.1:${port}/m.pt`, requests);
  } finally {
    listener.close();
    await serving.catch(() => {});
  }
}

async function respond(connection: Deno.Conn, answer: Answer, requests: string[]): Promise<void> {
  using socket = connection;
  const buffer = new Uint8Array(4096);
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    const count = await socket.read(buffer);
    if (count === null) return;
    head += new TextDecoder().decode(buffer.subarray(0, count));
  }
  const range = /range: bytes=(\d+)-/i.exec(head)?.[1];
  requests.push(`${head.split(" ")[1]} ${range ?? "all"}`);
  const all = answer.body ?? BYTES;
  const from = range !== undefined && !answer.ignoresRange ? Number(range) : 0;
  const write = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += await socket.write(bytes.subarray(at));
  };
  const lines = (status: string, ...headers: string[]) =>
    write(
      new TextEncoder().encode(
        [`HTTP/1.1 ${status}`, ...headers, "Connection: close", "", ""].join("\r\n"),
      ),
    );
  if (answer.status) {
    const location = answer.location ? [`Location: ${answer.location}`] : [];
    return await lines(answer.status, "Content-Length: 0", ...location);
  }
  if (from >= all.length && range !== undefined) {
    return await lines(
      "416 Range Not Satisfiable",
      `Content-Range: bytes */${all.length}`,
      "Content-Length: 0",
    );
  }
  const body = all.subarray(from);
  await lines(
    from > 0 ? "206 Partial Content" : "200 OK",
    `Content-Length: ${body.length}`,
    ...(from > 0 ? [`Content-Range: bytes ${from}-${all.length - 1}/${all.length}`] : []),
  );
  await write(body.subarray(0, answer.hangUpAfter ?? body.length));
}

async function inFolder(test: (file: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(path.join(folder, "sub", "m.pt"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function request(url: string, file: string, more: Partial<DownloadRequest> = {}): DownloadRequest {
  return { url, file, sha256: SHA256, advice: "do this or that", progress: SILENT, ...more };
}

const rejection = (promise: Promise<unknown>) => assertRejects(() => promise, HarnessError);

Deno.test("download() leaves the file and nothing else when all goes well", () =>
  inFolder((file) =>
    withServer([{}], async (url) => {
      assertEquals(await download(request(url, file)), SHA256);
      assertEquals(await Deno.readFile(file), BYTES);
      assertEquals([...Deno.readDirSync(path.dirname(file))].map((entry) => entry.name), ["m.pt"]);
    })
  ));

Deno.test("download() asks for the rest only when the connection breaks", () =>
  inFolder((file) =>
    withServer([{ hangUpAfter: 100_000 }, { hangUpAfter: 50_000 }, {}], async (url, requests) => {
      await download(request(url, file));
      assertEquals(await Deno.readFile(file), BYTES);
      assertEquals(requests.length, 3);
      const froms = requests.map((text) => text.split(" ")[1]);
      assertEquals(froms[0], "all");
      assert(Number(froms[1]) > 0 && Number(froms[2]) >= Number(froms[1]), requests.join());
    })
  ));

Deno.test("download() goes on with what an earlier call left", () =>
  inFolder((file) =>
    withServer([{}], async (url, requests) => {
      await Deno.mkdir(path.dirname(file));
      await Deno.writeFile(`${file}.part`, BYTES.subarray(0, 200_000));
      await download(request(url, file));
      assertEquals(requests, ["/m.pt 200000"]);
      assertEquals(await Deno.readFile(file), BYTES);
    })
  ));

Deno.test("download() starts anew when the server doesn't know ranges", () =>
  inFolder((file) =>
    withServer([{ hangUpAfter: 1000 }, { ignoresRange: true }], async (url) => {
      await download(request(url, file));
      assertEquals(await Deno.readFile(file), BYTES);
    })
  ));

Deno.test("download() accepts a complete part, and starts anew when it is too long", () =>
  inFolder(async (file) => {
    await Deno.mkdir(path.dirname(file));
    await withServer([{}], async (url) => {
      await Deno.writeFile(`${file}.part`, BYTES);
      await download(request(url, file));
      assertEquals(await Deno.readFile(file), BYTES);
      await Deno.writeFile(`${file}.part`, new Uint8Array(BYTES.length + 5));
      await download(request(url, file));
      assertEquals(await Deno.readFile(file), BYTES);
    });
  }));

Deno.test("download() keeps nothing when the hash is wrong", () =>
  inFolder((file) =>
    withServer([{ body: BYTES.toReversed() }], async (url) => {
      const error = await rejection(download(request(url, file)));
      assertEquals(error.code, "hash-mismatch");
      assertStringIncludes(error.message, SHA256);
      assertEquals([...Deno.readDirSync(path.dirname(file))], []);
    })
  ));

Deno.test("download() follows a redirect", () =>
  inFolder((file) =>
    withServer([{ status: "302 Found", location: "/elsewhere" }, {}], async (url, requests) => {
      await download(request(url, file));
      assertEquals(requests.map((text) => text.split(" ")[0]), ["/m.pt", "/elsewhere"]);
      assertEquals(await Deno.readFile(file), BYTES);
    })
  ));

Deno.test("download() names the status and the ways out when the file is not there", () =>
  inFolder((file) =>
    withServer([{ status: "404 Not Found" }], async (url, requests) => {
      const error = await rejection(download(request(url, file)));
      assertEquals(error.code, "download-failed");
      assertStringIncludes(error.message, "404 Not Found: do this or that");
      assertEquals(requests.length, 1);
    })
  ));

Deno.test("download() tries again when the server is busy for a moment", () =>
  inFolder((file) =>
    withServer([{ status: "503 Service Unavailable" }, {}], async (url, requests) => {
      await download(request(url, file));
      assertEquals(requests.length, 2);
    })
  ));

Deno.test("download() fails at once when nobody listens", () =>
  inFolder(async (file) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    listener.close();
    const error = await rejection(download(request(`http://127.0.0.1:${port}/m.pt`, file)));
    assertEquals(error.code, "download-failed");
    assertStringIncludes(error.message, "do this or that");
  }));

Deno.test({
  name: "download() says no-space when the disk is full",
  ...needsRoot(),
  fn: () =>
    inFolder((file) =>
      withServer([{}], async (url) => {
        const folder = path.dirname(file);
        await Deno.mkdir(folder);
        const root = async (command: string, ...args: string[]) =>
          assertEquals((await new Deno.Command(command, { args }).output()).code, 0);
        await root("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder);
        try {
          const error = await rejection(download(request(url, file)));
          assertEquals(error.code, "no-space");
          assertStringIncludes(error.message, "POSEMARK_CACHE");
        } finally {
          await root("umount", folder);
        }
      })
    ),
});

Deno.test("download() keeps the part when it is interrupted", () =>
  inFolder((file) =>
    withServer([{ hangUpAfter: 100_000 }], async (url) => {
      const controller = new AbortController();
      const progress = {
        step: () => ({
          update: (_: number | null, text?: string) => {
            if (text) controller.abort();
          },
          done() {},
        }),
      };
      const error = await rejection(
        download(request(url, file, { progress, signal: controller.signal })),
      );
      assertEquals(error.code, "interrupted");
      assert((await Deno.stat(`${file}.part`)).size > 0);
    })
  ));

Deno.test("download() of one file by several at once transfers it once, and all have it", () =>
  inFolder((file) =>
    withServer([{}], async (url, requests) => {
      const hashes = await Promise.all([1, 2, 3].map(() => download(request(url, file))));
      assertEquals(hashes, [SHA256, SHA256, SHA256]);
      assertEquals(requests.length, 1);
      assertEquals(await Deno.readFile(file), BYTES);
      assertEquals([...Deno.readDirSync(path.dirname(file))].map((entry) => entry.name), ["m.pt"]);
    })
  ));
