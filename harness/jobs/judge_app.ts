/**
 * The flow of `deno task judge`: what an app wrote → reference → the stage that differs.
 *
 * @module
 */
import * as path from "@std/path";
import { HarnessError } from "../errors.ts";
import { rawSpec } from "../head/head_blobs.ts";
import { openDataset } from "../images/dataset.ts";
import { loadImage } from "../images/load_image.ts";
import type { AppCase, AppVerdict } from "../judge/app.ts";
import { judgeApp } from "../judge/judge_app.ts";
import type { PeopleOptions } from "../judge/decode_ways.ts";
import { readDumps } from "../judge/dump.ts";
import { resolveModel } from "../model/fetch/resolve_model.ts";
import { specOf } from "../model/given/given_model.ts";
import { encodeOnnx } from "../model/onnx/onnx_file.ts";
import { openSession } from "../model/onnx/session.ts";
import { proved, readSourceModel } from "../model/source_model.ts";
import { cutModel, resizedModel } from "../model/surgery.ts";
import type { Progress } from "../progress.ts";

/** What is judged by what. */
export interface JudgeAppOptions {
  /** Folder that the app wrote. */
  dump: string;
  model: string;
  /** Folder of the pictures. */
  images: string;
  /** As the app is set. */
  people: PeopleOptions;
}

/**
 * Returns the judgement of an app. Throws `HarnessError`: `bad-option` for a dump that can't be
 * read and a picture that the data set has not, and what models and data sets throw.
 */
export async function judgeAppFolder(
  { dump, model, images, people }: JudgeAppOptions,
  context: { progress: Progress; signal?: AbortSignal },
): Promise<AppVerdict> {
  const dumps = await readDumps(dump);
  const dataset = await openDataset(images);
  const byName = new Map(
    dataset.images.flatMap((image) => [
      [image.id, image],
      [path.parse(image.file).name, image],
      [path.basename(image.file), image],
    ]),
  );
  const cases: AppCase[] = [];
  for (const each of dumps) {
    const image = byName.get(each.imageId);
    if (image === undefined) {
      throw new HarnessError(
        "bad-option",
        `Cannot judge ${each.imageId} of ${dump}: ${images} has no picture of that name: call the dump's files by the names of the pictures`,
      );
    }
    cases.push({ dump: each, image: await loadImage(image) });
  }
  const file = await resolveModel(model, context);
  const source = await proved(await readSourceModel(file), { signal: context.signal });
  const { head } = source;
  const inputs = cases.flatMap(({ dump }) => dump.input ?? []);
  const size = inputs[0] ?? { widthPx: head.inputWidthPx, heightPx: head.inputHeightPx };
  if (inputs.some((each) => each.widthPx !== size.widthPx || each.heightPx !== size.heightPx)) {
    throw new HarnessError(
      "bad-option",
      `Cannot judge ${dump}: its input tensors have several sizes: judge the pictures of one size at a time`,
    );
  }
  const cut = cutModel(source.model, head, "raw", null).model;
  const sized = resizedModel(cut, head, size.widthPx, size.heightPx, source.path);
  await using session = await openSession(encodeOnnx(sized), { threads: null });
  const step = context.progress.step(`Judging ${cases.length} pictures`);
  const verdict = await judgeApp(cases, {
    raw: rawSpec(specOf(source)),
    size: { widthPx: size.widthPx, heightPx: size.heightPx },
    blobs: (tensor, size) => session.blobs(tensor, size),
  }, people);
  step.done();
  return verdict;
}
