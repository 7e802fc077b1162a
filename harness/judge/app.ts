/**
 * What an app is judged by, and what the judgement says: pure.
 *
 * @module
 */
import type { HeadSpec, InputSize } from "../head/head_spec.ts";
import type { RgbImage } from "../pose/letterbox.ts";
import type { AppStage } from "./causes.ts";
import type { PeopleDistance } from "./distance.ts";
import type { AppDump } from "./dump.ts";
import { CLEAN_FEEDING, feed } from "./feed.ts";

/** What the reference is. */
export interface AppReference {
  /** The head with one `raw` output per level. */
  raw: HeadSpec;
  size: InputSize;
  /** Returns the raw blobs of a tensor of that size. */
  blobs(tensor: Float32Array, size: InputSize): Promise<Float32Array[]>;
}

/** One picture with what the app wrote of it. */
export interface AppCase {
  dump: AppDump;
  /** As the data set has it. */
  image: RgbImage;
}

/** A cause with how well it explains what the app has. */
export interface Suspect {
  name: string;
  stage: AppStage;
  text: string;
  /** How far the reference with this cause is from the app: 0 when it explains everything. */
  distance: number;
}

/** Judgement of one stage. */
export interface AppStageVerdict {
  stage: AppStage;
  verdict: "pass" | "fail" | "not-written";
  /** A sentence. */
  reason: string;
  /** Causes by how well they explain it, best first; empty for a stage that passes. */
  suspects: Suspect[];
}

/** Judgement of an app. */
export interface AppVerdict {
  /** Pictures that were judged. */
  images: number;
  stages: AppStageVerdict[];
  firstFailedStage: AppStage | null;
  /** The app's people beside the reference's, end to end; null without people. */
  endToEnd: PeopleDistance | null;
}

/** A cause is named when it leaves no more than this share of the distance. */
export const EXPLAINS = 0.5;
/** Most suspects that are told. */
export const TOLD = 3;

/** Returns the verdict of a stage that the app did not write. */
export function notWritten(stage: AppStage, what: string): AppStageVerdict {
  return { stage, verdict: "not-written", reason: `the app wrote no ${what}`, suspects: [] };
}

/** The picture that the app starts from: its own where it wrote one. */
export function pictureOf({ dump, image }: AppCase): RgbImage {
  return dump.image ?? image;
}

/** The size of the network's input: the app's where it wrote one. */
export function sizeOf({ dump }: AppCase, reference: AppReference): InputSize {
  return dump.input ?? reference.size;
}

/** What the network is fed: the app's tensor where it wrote one. */
export function tensorOf(each: AppCase, reference: AppReference): Float32Array {
  return each.dump.input?.values ??
    feed(pictureOf(each), sizeOf(each, reference), CLEAN_FEEDING).tensor;
}

/** Returns the mean. */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
