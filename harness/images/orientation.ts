/**
 * In which frame a data set's annotations are: pixels as EXIF has them turned, or as they are
 * stored (pure).
 *
 * The annotations' own evidence decides: where joints lie, then which size is stated.
 *
 * @module
 */
import type { Warning } from "../errors.ts";
import type { CocoAnnotation } from "../pose/coco_annotations.ts";
import { exchanged, isSize, type PictureHeader, type Size } from "./picture_header.ts";

/** A picture with what is annotated in it. */
export interface AnnotatedPicture {
  id: string;
  /** Null when the file can't be read. */
  header: PictureHeader | null;
  annotatedSize: Size | null;
  annotations: readonly CocoAnnotation[];
}

/** The frame of one picture. */
export interface Framed {
  frame: "upright" | "stored";
  /** Size of the picture in that frame, where the annotations state one that it has. */
  annotatedSize: Size | null;
}

/** The frames of a set, and what is odd about them. */
export interface Frames {
  frames: Framed[];
  warnings: Warning[];
  /** What matters when the AP is near 0, in sentences. */
  hints: string[];
}

/** Pixels by which a joint or box may lie outside of its picture. */
const MARGIN_PX = 2;

/** True when nothing that is annotated lies outside of a picture of that size. */
function fits(annotations: readonly CocoAnnotation[], { widthPx, heightPx }: Size): boolean {
  const [right, bottom] = [1.01 * widthPx + MARGIN_PX, 1.01 * heightPx + MARGIN_PX];
  return annotations.every(({ keypoints, boxXywhPx: [x, y, width, height] }) => {
    if (x + width > right || y + height > bottom) return false;
    for (let at = 0; at + 2 < keypoints.length; at += 3) {
      const isLabelled = keypoints[at + 2] > 0;
      if (isLabelled && (keypoints[at] > right || keypoints[at + 1] > bottom)) return false;
    }
    return true;
  });
}

/** Which of two sizes what is annotated fits into; null when it says nothing. */
function fitting<K extends string>(
  annotations: readonly CocoAnnotation[],
  sizes: Record<K, Size>,
): K | null {
  const keys = Object.keys(sizes) as K[];
  const found = keys.filter((key) => fits(annotations, sizes[key]));
  return annotations.length > 0 && found.length === 1 && keys.length > 1 ? found[0] : null;
}

/**
 * Returns the frame of each picture.
 *
 * A tool writes all pictures of a set in one way: where the joints of some decide, and agree, they
 * decide for those too whose joints would fit both. Without them the stated size decides, and
 * without that EXIF is applied, as OpenCV does. A half turn or a mirroring changes no size, so that
 * nothing tells.
 */
export function framesOf(pictures: readonly AnnotatedPicture[]): Frames {
  const votes = pictures.map(({ header, annotations }) =>
    header === null || header.orientation < 5 || isSize(header.stored, header.upright)
      ? null
      : fitting(annotations, { upright: header.upright, stored: header.stored })
  );
  const upright = votes.filter((vote) => vote === "upright").length;
  const stored = votes.filter((vote) => vote === "stored").length;
  const common = upright > 0 && stored === 0
    ? "upright"
    : stored > 0 && upright === 0
    ? "stored"
    : null;
  const contradicted: string[] = [];
  const swapped: string[] = [];
  const frames = pictures.map((picture, index): Framed => {
    const { id, header, annotatedSize: size } = picture;
    if (header === null) return { frame: "upright", annotatedSize: size };
    const bySize = size === null || isSize(header.stored, header.upright)
      ? null
      : isSize(size, header.upright)
      ? "upright"
      : isSize(size, header.stored)
      ? "stored"
      : null;
    const isTurned = header.orientation >= 5;
    const frame = isTurned ? votes[index] ?? common ?? bySize ?? "upright" : "upright";
    const own = header[frame];
    if (size === null || isSize(size, own)) return { frame, annotatedSize: size };
    if (!isSize(size, exchanged(own))) return { frame, annotatedSize: size };
    // the size's sides are exchanged: what is annotated must not contradict the picture's own
    if (isTurned) contradicted.push(id);
    else if (fits(picture.annotations, own)) swapped.push(id);
    else return { frame, annotatedSize: size };
    return { frame, annotatedSize: own };
  });
  return {
    frames,
    warnings: [
      ...tell(
        "exif-contradicted",
        contradicted,
        (ids) =>
          `The joints of ${contradicted.length} images lie in the picture as EXIF has it ${
            frames[pictures.findIndex(({ id }) => id === contradicted[0])].frame === "upright"
              ? "turned"
              : "stored"
          }, their width and height are of the other way: the joints decide (${ids}).`,
      ),
      ...tell(
        "size-exchanged",
        swapped,
        (ids) =>
          `Width and height of ${swapped.length} images stand exchanged in the annotations: they are taken as the pictures have them, where the joints lie too (${ids}).`,
      ),
    ],
    hints: turnHints(pictures),
  };
}

function tell(
  code: string,
  ids: readonly string[],
  message: (ids: string) => string,
): Warning[] {
  if (ids.length === 0) return [];
  const few = ids.slice(0, 5).join(", ") + (ids.length > 5 ? ", …" : "");
  return [{
    code,
    message: message(few),
    advice: "Write width and height as the pictures have them when shown.",
  }];
}

/** What to look at when nothing is found: turns that sizes and joints can't tell of. */
function turnHints(pictures: readonly AnnotatedPicture[]): string[] {
  const turned = pictures.filter(({ header }) => header !== null && header.orientation !== 1);
  if (turned.length === 0) return [];
  const orientations = [...new Set(turned.map(({ header }) => header!.orientation))].sort();
  return [
    `${turned.length} of ${pictures.length} pictures have an EXIF orientation (${
      orientations.join(", ")
    }) by which they are turned before they are read: if the annotations were made on the pixels as they are stored, or the orientation is wrong, take it out of the files.`,
  ];
}
