/**
 * The published pose checkpoints of ultralytics: where they are and what they must hash to.
 *
 * A checkpoint is a Python pickle, which runs code when it is loaded: none is opened whose hash is
 * not known. The hashes of yolov8n-pose and yolo11n-pose are those that many independent projects
 * record for the files of the releases v8.2.0 to v8.4.0. For the others none could be confirmed so
 * far: the user confirms it by `NAME@sha256:HEX`.
 *
 * @module
 */

/** The project whose releases hold the checkpoints. */
const PROJECT = "https://github.com/ultralytics/assets/releases";

/** Returns where a release's files are; `POSEMARK_MODEL_BASE_URL` names a mirror instead. */
export function releaseUrl(release: string): string {
  return `${PROJECT}/download/${release}`;
}

/** Returns a release's page for people, with the hash of each file. */
export function releasePage(release: string): string {
  return `${PROJECT}/tag/${release}`;
}

/** What is known of a published checkpoint. */
export interface OfficialModel {
  name: string;
  /** The release that its file is in. */
  release: string;
  /** Null: not confirmed. */
  sha256: string | null;
}

/** The published pose checkpoints. */
export const OFFICIAL_MODELS: readonly OfficialModel[] = [
  {
    name: "yolov8n-pose",
    release: "v8.3.0",
    sha256: "c6fa93dd1ee4a2c18c900a45c1d864a1c6f7aba75d84f91648a30b7fb641d212",
  },
  { name: "yolov8s-pose", release: "v8.3.0", sha256: null },
  { name: "yolov8m-pose", release: "v8.3.0", sha256: null },
  {
    name: "yolo11n-pose",
    release: "v8.3.0",
    sha256: "869e83fcdffdc7371fa4e34cd8e51c838cc729571d1635e5141e3075e9319dc0",
  },
  { name: "yolo11s-pose", release: "v8.3.0", sha256: null },
  { name: "yolo11m-pose", release: "v8.3.0", sha256: null },
  { name: "yolo26n-pose", release: "v8.4.0", sha256: null },
  { name: "yolo26s-pose", release: "v8.4.0", sha256: null },
  { name: "yolo26m-pose", release: "v8.4.0", sha256: null },
];
