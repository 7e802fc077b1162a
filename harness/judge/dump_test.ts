import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { seededRandom } from "../pose/testdata/random.ts";
import { inTempFolder } from "../testdata/temp_folder.ts";
import { runBuildCommand } from "../toolchain/build_command.ts";
import { readDumps } from "./dump.ts";
import { parseNpy } from "./npy.ts";

const HEADER = path.join(import.meta.dirname!, "posemark_dump.h");

/** An app that writes one picture of 3 x 2 by the header's four calls. */
const APP = `
#include "posemark_dump.h"
int main(int, char** argv)
{
    const unsigned char rgb[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 11, 12, 13, 14, 15, 16, 17, 18, 19, 0, 0};
    float input[24];
    for (int i = 0; i < 24; i++) input[i] = i / 10.f;
    PosemarkPerson person;
    person.score = 0.25f;
    person.box[2] = 3.5f;
    person.keypoints = {1.f, 2.f, 0.5f, -1.f, 0.f, 1.f};
    const bool whole = posemark_dump_image(argv[1], "a.b", rgb, 3, 2, 11)
                       && posemark_dump_input(argv[1], "a.b", input, 2, 3, 8)
                       && posemark_dump_output(argv[1], "a.b", "out0", input, {2, 2})
                       && posemark_dump_people(argv[1], "a.b", {person, person});
    return whole && !posemark_dump_people("/nowhere", "a", {}) ? 0 : 1;
}
`;

Deno.test("readDumps() reads what an app writes by the four calls of posemark_dump.h", () =>
  inTempFolder(async (folder) => {
    const at = (name: string) => path.join(folder, name);
    await Deno.writeTextFile(at("app.cpp"), APP);
    const flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-I", path.dirname(HEADER)];
    await runBuildCommand({
      purpose: "build an app",
      command: "c++",
      args: [...flags, at("app.cpp"), "-o", at("app")],
    });
    await Deno.mkdir(at("dump"));
    await runBuildCommand({ purpose: "run an app", command: at("app"), args: [at("dump")] });
    const [{ imageId, image, input, outputs, people }] = await readDumps(at("dump"));
    assertEquals(imageId, "a.b");
    assertEquals([image!.widthPx, image!.heightPx], [3, 2]);
    assertEquals([...image!.rgb], [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    assertEquals([input!.widthPx, input!.heightPx], [3, 2]);
    const planes = [0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 21];
    assertEquals([...input!.values], planes.map((i) => Math.fround(i / 10)));
    assertEquals(outputs.get("out0")!.shape, [2, 2]);
    assertEquals(people!.length, 2);
    assertEquals(people![0], {
      score: 0.25,
      classIndex: 0,
      boxXyxyPx: [0, 0, 3.5, 0],
      keypoints: [[1, 2, 0.5], [-1, 0, 1]],
    });
  }));

Deno.test("readDumps() reads JSON arrays, and interleaved tensors as planes", () =>
  inTempFolder(async (folder) => {
    const write = (name: string, value: unknown) =>
      Deno.writeTextFile(path.join(folder, name), JSON.stringify(value));
    await write("p.input.json", { shape: [1, 1, 2, 3], data: [1, 2, 3, 4, 5, 6] });
    await write("p.output.x.y.json", { shape: [2], data: [7, 8] });
    await write("notes.json", {});
    const [{ imageId, input, outputs, people }] = await readDumps(folder);
    assertEquals(imageId, "p");
    assertEquals([...input!.values], [1, 4, 2, 5, 3, 6]);
    assertEquals([...outputs.get("x.y")!.values], [7, 8]);
    assertEquals(people, null);
  }));

function npy(header: string, values: number[]): Uint8Array {
  const text = new TextEncoder().encode(header);
  return Uint8Array.from([
    ...[0x93, 78, 85, 77, 80, 89, 1, 0, text.length & 255, text.length >> 8],
    ...text,
    ...values,
  ]);
}

Deno.test("parseNpy() reads NumPy's types, and refuses what it would read wrong", () => {
  const of = (descr: string, shape: string, order = "False") =>
    `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }\n`;
  assertEquals([...parseNpy(npy(of("<f2", "3,"), [0, 0x3c, 0, 0xc0, 0, 0x7c])).values], [
    1,
    -2,
    Infinity,
  ]);
  assertEquals([...parseNpy(npy(of("<i4", "1, 1"), [255, 255, 255, 255])).values], [-1]);
  assertEquals(parseNpy(npy(of("|u1", ""), [9])), { shape: [], values: Float32Array.of(9) });
  const wrong: [Uint8Array, string][] = [
    [npy(of(">f4", "1,"), [0, 0, 0, 0]), "its type is >f4"],
    [npy(of("toString", "1,"), [0]), "its type is toString"],
    [npy(of("|u1", "2,"), [1]), "it has 1 bytes of values, expected 2"],
    [npy(of("|u1", "99999999999999999999,"), [1]), "expected 100000000000000000000"],
    [npy(of("<f4", "1,", "True"), [0, 0, 0, 0]), "Fortran"],
    [npy(of("<f4", "1,"), []).subarray(0, 20), "its header is cut off"],
    [new Uint8Array(20), "no .npy"],
  ];
  for (const [bytes, message] of wrong) assertThrows(() => parseNpy(bytes), RangeError, message);
});

Deno.test("readDumps() names the file at fault, whatever is in it", () =>
  inTempFolder(async (folder) => {
    const refusal = async () =>
      (await assertRejects(() => readDumps(folder), HarnessError)).message;
    assertStringIncludes(await refusal(), "found no file such as ID.people.json");
    const random = seededRandom(5);
    const good: [string, Uint8Array][] = [
      [
        "p.input.npy",
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1, 1), }", [
          ...new Array(12).fill(0),
        ]),
      ],
      [
        "p.people.json",
        new TextEncoder().encode(
          '{"people":[{"score":0.5,"class":0,"box":[0,0,1,1],"keypoints":[[1,2,0.5]]}]}',
        ),
      ],
      ["p.output.o.json", new TextEncoder().encode('{"shape":[2,1],"data":[1,2]}')],
    ];
    let refused = 0;
    for (let round = 0; round < 600; round++) {
      const [name, bytes] = good[round % good.length];
      const file = path.join(folder, name);
      const spoiled = bytes.slice(0, Math.ceil(bytes.length * (random() < 0.3 ? random() : 1)));
      for (let left = Math.floor(random() * 4); left > 0; left--) {
        spoiled[Math.floor(random() * spoiled.length)] = random() < 0.5
          ? 48 + 10 * random()
          : 256 * random();
      }
      await Deno.writeFile(file, spoiled);
      try {
        await readDumps(folder);
      } catch (error) {
        if (!(error instanceof HarnessError)) throw error;
        assertStringIncludes(error.message, name);
        refused++;
      }
      await Deno.remove(file);
    }
    assert(refused > 100, `${refused}`);
    await Deno.writeTextFile(
      path.join(folder, "q.people.json"),
      '{"people":[{"score":"high","box":[0,0,1,1]}]}',
    );
    assertStringIncludes(await refusal(), "q.people.json");
  }));
