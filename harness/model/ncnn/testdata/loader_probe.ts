/**
 * ncnn's own loader in a sanitizer build, for comparison.
 *
 * @module
 */
import * as path from "@std/path";
import { runBuildCommand } from "../../../toolchain/build_command.ts";
import { cached, contentKey } from "../../../toolchain/cache.ts";
import { buildNcnn } from "../../../toolchain/ncnn.ts";
import { ncnnSource } from "../../../toolchain/source.ts";
import { findToolchain } from "../../../toolchain/toolchain.ts";
import { SILENT } from "../../../progress.ts";

/** What ncnn made of one file. */
export interface Probed {
  status: "loaded" | "refused" | "crash";
  layers: { type: string; name: string; bottoms: string[]; tops: string[] }[];
  /** Of each layer by id: the type that `ParamDict` keeps, and the 32 bits or the text. */
  params: Record<string, [number, number | number[] | string]>[];
  bin: { isLoaded: boolean; takenBytes: number } | null;
}

const SOURCE = path.join(import.meta.dirname!, "loader_probe.cpp");
/** Files of ncnn that are built under the sanitizers; the rest comes from the library. */
const WATCHED = ["net", "paramdict", "datareader", "modelbin"];

/** Returns what ncnn's loader makes of the `.param` files, in their order. */
export async function probeLoader(files: readonly string[]): Promise<Probed[]> {
  const source = await ncnnSource({ progress: SILENT });
  const toolchain = await findToolchain("host");
  const ncnn = await buildNcnn({ source, toolchain, progress: SILENT });
  const { folder } = await cached({
    kind: "loader-probe",
    key: await contentKey({ ncnn: ncnn.key, probe: await Deno.readTextFile(SOURCE) }),
    make: async (folder) => {
      await runBuildCommand({
        purpose: "build ncnn's loader under the sanitizers",
        command: "c++",
        args: ["-std=c++17", "-O1", "-g1", "-fsanitize=address,undefined"]
          .concat(["-fno-sanitize-recover=undefined", "-fopenmp"])
          .concat([path.join(ncnn.folder, "include", "ncnn"), path.join(source.folder, "src")]
            .flatMap((include) => ["-I", include]))
          .concat([SOURCE, ...WATCHED.map((name) => `${source.folder}/src/${name}.cpp`)])
          .concat([path.join(ncnn.folder, "lib", "libncnn.a"), "-lpthread"])
          .concat(["-o", path.join(folder, "loader_probe")]),
      });
    },
  });
  const { stdout } = await new Deno.Command(path.join(folder, "loader_probe"), {
    args: [...files],
    stderr: "null",
  }).output();
  const lines = new TextDecoder().decode(stdout).trimEnd().split("\n");
  return lines.map((line) => ({ layers: [], params: [], bin: null, ...JSON.parse(line) }));
}
