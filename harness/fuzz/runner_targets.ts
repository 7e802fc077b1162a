/**
 * The runner's readers under libFuzzer with the address and undefined-behaviour sanitizers:
 * `runner-cpp/fuzz/fuzz_readers.cpp`, built by clang.
 *
 * @module
 */
import * as path from "@std/path";
import { childCommand } from "../child.ts";
import { HarnessError } from "../errors.ts";
import { sha256Hex } from "../hash.ts";
import type { Progress } from "../progress.ts";
import { tell } from "../terminal.ts";
import { runBuildCommand } from "../toolchain/build_command.ts";
import { cached, cacheRoot, contentKey } from "../toolchain/cache.ts";
import { folderSha256 } from "../toolchain/folder_hash.ts";
import { buildNcnn } from "../toolchain/ncnn.ts";
import { ncnnSource } from "../toolchain/source.ts";
import { findToolchain } from "../toolchain/toolchain.ts";
import type { CampaignRow } from "./fuzz.ts";

/** One target of the fuzzer, with what it begins from. */
export interface RunnerTarget {
  name: string;
  seeds: string[];
}

const PARAM = "7767517\n3 3\nInput in0 0 1 in0 0=8 1=8 2=3\n" +
  "Convolution c 1 1 in0 a 0=4 1=3 6=108 9=2 -23310=1,0.1\nReLU r 1 1 a out0\n";

/** Targets of `fuzz_readers.cpp`. */
export const RUNNER_TARGETS: readonly RunnerTarget[] = [
  { name: "runner-param", seeds: [PARAM] },
  { name: "runner-bin", seeds: ["\0\0\0\0".repeat(300), `\x47\x6b\x30\x01${"\0<".repeat(300)}`] },
  { name: "runner-images", seeds: ["a\t640\t480\ta.rgb\nb\t1\t1\t/b.rgb\n"] },
  { name: "runner-stage-file", seeds: ["\0\0\x80\x3f".repeat(8)] },
  { name: "runner-options", seeds: ["run\n--param\na\n--bin\nb\n--threads\n2\n--core-mask\nf0"] },
  { name: "runner-contestants", seeds: ["a\t--param\tx\t--bin\ty\nb\t--param\tx\t--bin\ty\n"] },
  { name: "runner-cpus", seeds: ["0-3,5"] },
];

const SOURCES = path.resolve(import.meta.dirname!, "..", "..", "runner-cpp");
const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"];

/** Returns the fuzzer, built the first time. Throws `missing-tool` without clang and libFuzzer. */
export async function buildFuzzer(progress: Progress): Promise<string> {
  const toolchain = await findToolchain("host");
  const ncnn = await buildNcnn({ source: await ncnnSource({ progress }), toolchain, progress });
  const clang = await runBuildCommand({
    purpose: "fuzz the runner: it takes clang and its libFuzzer (Debian: clang libclang-rt-14-dev)",
    command: "clang++",
    args: ["--version"],
  });
  const { folder } = await cached({
    kind: "fuzzer",
    key: await contentKey({ clang, ncnn: ncnn.key, sources: await folderSha256(SOURCES) }),
    make: async (folder) => {
      const step = progress.step("Building the fuzzer", 120);
      const names = [...Deno.readDirSync(SOURCES)].map(({ name }) => name)
        .filter((name) => name.endsWith(".cpp"));
      const left = ["main.cpp", "layer_times.cpp", "letterbox_plain.cpp"];
      const sources = names.filter((name) => !left.includes(name)).concat("fuzz/fuzz_readers.cpp");
      const gomp = await runBuildCommand({
        purpose: "find OpenMP",
        command: "g++",
        args: ["-print-file-name=libgomp.so"],
      });
      const objects: string[] = [];
      for (const [index, source] of sources.entries()) {
        const object = path.join(folder, `${index}.o`);
        await runBuildCommand({
          purpose: `compile ${source}`,
          command: "clang++",
          args: ["-std=c++17", ...SANITIZERS, "-fsanitize=fuzzer-no-link", `-I${SOURCES}`]
            .concat(['-DPOSEMARK_RUNNER_VERSION="fuzz"', "-isystem", `${ncnn.folder}/include`])
            .concat(["-isystem", `${ncnn.folder}/include/ncnn`, "-c"])
            .concat([path.join(SOURCES, source), "-o", object]),
        });
        objects.push(object);
        step.update((index + 1) / sources.length);
      }
      await runBuildCommand({
        purpose: "link the fuzzer",
        command: "clang++",
        args: [...SANITIZERS, "-fsanitize=fuzzer", ...objects, `${ncnn.folder}/lib/libncnn.a`]
          .concat([gomp.trim(), "-lpthread", "-o", path.join(folder, "fuzzer")]),
      });
      for (const object of objects) await Deno.remove(object);
      step.done();
    },
  });
  return path.join(folder, "fuzzer");
}

/** Longest time of one execution, seconds, and its memory, MiB: beyond it is a finding. */
const LIMITS = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=4096"];

/** Runs a target so many times; its corpus is kept in the cache and grows from one to the next. */
export async function fuzzRunner(
  program: string,
  { name, seeds }: RunnerTarget,
  executions: number,
  seed: number,
): Promise<CampaignRow> {
  const corpus = path.join(cacheRoot(), "fuzz-corpus", name);
  await Deno.mkdir(corpus, { recursive: true });
  for (const text of seeds) {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    await Deno.writeFile(path.join(corpus, (await sha256Hex(bytes)).slice(0, 40)), bytes);
  }
  const began = performance.now();
  const { success, stderr } = await childCommand(program, {
    args: [`-runs=${executions}`, `-seed=${seed}`, ...LIMITS, "-print_final_stats=1", corpus],
    cwd: corpus,
    env: { POSEMARK_FUZZ_TARGET: name.replace("runner-", "") },
    stdout: "null",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stderr);
  const stat = (key: string) =>
    Number(new RegExp(`stat::${key}:\\s+(\\d+)`).exec(text)?.[1] ?? NaN);
  const edges = [...text.matchAll(/cov: (\d+)/g)].at(-1)?.[1] ?? "?";
  const ran = stat("number_of_executed_units");
  if (Number.isNaN(ran) && success) {
    throw new HarnessError("build-failed", `Cannot read what the fuzzer did with ${name}`, {
      stderrTail: text.trim().split("\n").slice(-10),
    });
  }
  if (!success) tell(`${name}: ${text.slice(-4000)}`);
  return {
    target: name,
    executions: Number.isNaN(ran) ? 0 : ran,
    seconds: (performance.now() - began) / 1000,
    reached: `${edges} edges, ${stat("peak_rss_mb")} MiB at most`,
    findings: success ? 0 : 1,
  };
}
