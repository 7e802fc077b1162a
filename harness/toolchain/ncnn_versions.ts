/**
 * The versions of ncnn that a package index has as sources, by hash.
 *
 * @module
 */

/** A source package with ncnn's tree in it. */
export interface NcnnPackage {
  /** Name on the package index. */
  name: string;
  version: string;
  sha256: string;
  /** Size of the archive. */
  megabytes: number;
  /** Folder of ncnn's tree in the archive. */
  folder: string;
  /** What of the tree is unpacked. */
  parts: readonly string[];
  /**
   * Its build calls itself after the day on which it is built, so that pip takes it by its address
   * only.
   */
  versionIsBuildDate: boolean;
}

/** What the library is built from. */
const LIBRARY = ["CMakeLists.txt", "LICENSE.txt", "cmake", "src"] as const;

/** What benchncnn and ncnn's converters are built from besides. */
const PROGRAMS = [
  ...["benchmark", "toolchains", "tools/modelwriter.h", "tools/ncnnoptimize.cpp"],
  ...["tools/onnx", "tools/quantize"],
  // included by tools/modelwriter.h
  "tests/prng.h",
] as const;

/** Packages of sr-vulkan carry a whole tree, with CRLF. */
function srVulkan(version: string, megabytes: number, sha256: string): NcnnPackage {
  return {
    ...{ name: "sr-vulkan", version, sha256, megabytes, folder: "src/ncnn" },
    parts: [...LIBRARY, ...PROGRAMS],
    versionIsBuildDate: false,
  };
}

/** ncnn's own packages carry the library only: no benchncnn, no converters. */
function release(date: string, sha256: string): NcnnPackage {
  return {
    ...{ name: "ncnn", version: `1.0.${date}`, sha256, megabytes: 5, folder: "" },
    parts: LIBRARY,
    versionIsBuildDate: true,
  };
}

/** The version that is used where none is named. */
export const PINNED_NCNN = "20260526";

/** Versions by the name that a user gives: releases by their date. */
export const NCNN_VERSIONS: Record<string, NcnnPackage> = {
  "20250428": release(
    "20250428",
    "891ebd7ce68172fb8cdc2455c34c01ecf8f814ea233d043489bb35f5daab2dd2",
  ),
  "20250503": release(
    "20250503",
    "f5823ce44071e210419a339b5a4dbf39058fd568905a65e9c56319917f2af7b3",
  ),
  "20250916": release(
    "20250916",
    "6b070b586cb76fd997dfcf0d3e1cdc62d3e3295bb4acd2b5faab42de8c83df12",
  ),
  "20260114": release(
    "20260114",
    "2a5016079b392b2608a0656a884d880bae5175a9534718dd0ea0e2fabe6bec4f",
  ),
  "20260526": srVulkan(
    "2.1.0",
    37,
    "02b8daa1c45b6ce33504ca390f5da2750622e33a5f35711c7f907d8ec339a645",
  ),
  "20261020": release(
    "20261020",
    "ad8cdd63e9755cfa8e23b9b6d9ce46156077d80298a89e7c3ba325ffccfca200",
  ),
  // the tree that both carry is of some weeks after 20250503
  "sr-vulkan-2.0.0": srVulkan(
    "2.0.0",
    36,
    "8739b3e1a8928f7002a56e78deef5e7db24ad991ba6fc247bfb6a606c077d2b7",
  ),
  "sr-vulkan-2.0.1.1": srVulkan(
    "2.0.1.1",
    39,
    "4697919171c84feec5adb1fbbb7a835b32f18f5645f910ac0735fb2c94b32135",
  ),
};
