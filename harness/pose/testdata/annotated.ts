/** Annotations made by hand, for tests. */
import {
  type CocoAnnotation,
  type CocoAnnotations,
  type CocoImage,
  completed,
} from "../coco_annotations.ts";

/** Returns annotations of these images and categories, with what follows from the rows. */
export function annotated(
  images: Omit<CocoImage, "ownId">[],
  categoryIds: number[],
  annotations: CocoAnnotation[],
): CocoAnnotations {
  const categories = categoryIds.map((id) => ({
    id,
    name: null,
    supercategory: null,
    jointNames: null,
    skeleton: [],
    flipPairs: null,
    ownSigmas: null,
  }));
  return completed(
    images.map((each) => ({ ...each, ownId: each.id })),
    categories,
    annotations,
    [],
  );
}
