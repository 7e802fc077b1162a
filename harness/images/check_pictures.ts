/**
 * Whether every picture of a set can be read, before anything is measured on them.
 *
 * @module
 */
import { HarnessError } from "../errors.ts";
import { type DatasetOptions, type ImageDataset, openDataset, withImages } from "./dataset.ts";
import { type DatasetImage, loadImage } from "./load_image.ts";
import type { Size } from "./picture_header.ts";

/** What a data set is opened with. */
export interface DatasetSettings extends DatasetOptions {
  images: string;
  skipUnreadable: boolean;
}

/**
 * Returns the data set of the settings, each of its pictures decoded once.
 *
 * Throws as {@linkcode openDataset} and {@linkcode checkPictures} do.
 */
export async function openCheckedDataset(settings: DatasetSettings): Promise<ImageDataset> {
  const { images, skipUnreadable, ...options } = settings;
  return await checkPictures(await openDataset(images, options), { skip: skipUnreadable });
}

/** Pictures that are decoded at the same time. */
const AT_ONCE = 4;
/** Bad pictures that a message names. */
const NAMED = 20;

/**
 * Returns the data set with the size of each picture, each decoded once. With `skip` pictures that
 * can't be read are left out, with their annotations, and counted in a warning.
 *
 * Throws `HarnessError` `bad-image` that lists all pictures that can't be read, each with its
 * reason.
 */
export async function checkPictures(
  dataset: ImageDataset,
  { skip }: { skip: boolean },
): Promise<ImageDataset> {
  const sizes = new Map<string, Size>();
  const bad = new Map<string, HarnessError>();
  const queue = [...dataset.images];
  const work = async () => {
    for (let image = queue.shift(); image !== undefined; image = queue.shift()) {
      try {
        const { widthPx, heightPx } = await loadImage(image);
        sizes.set(image.id, { widthPx, heightPx });
      } catch (error) {
        if (!(error instanceof HarnessError)) throw error;
        bad.set(image.id, error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const isGood = ({ id }: DatasetImage) => sizes.has(id);
  const checked = {
    ...dataset,
    images: dataset.images.map((image) => ({ ...image, size: sizes.get(image.id) })),
  };
  if (bad.size === 0) return checked;
  const inOrder = dataset.images.flatMap(({ id }) => bad.get(id) ?? []);
  if (inOrder.length === 1 && !skip) throw inOrder[0];
  const list = inOrder.slice(0, NAMED).map(({ message }) => `  ${message}`).join("\n") +
    (inOrder.length > NAMED ? `\n  and ${inOrder.length - NAMED} more` : "");
  if (!skip || bad.size === dataset.images.length) {
    throw new HarnessError(
      "bad-image",
      `Cannot use ${bad.size} of ${dataset.images.length} images of ${dataset.root}:\n${list}\nReplace them, take them out, or go on without them by --skip-unreadable`,
    );
  }
  return {
    ...withImages(checked, checked.images.filter(isGood)),
    warnings: [...dataset.warnings, {
      code: "images-skipped",
      message:
        `${bad.size} of ${dataset.images.length} images can't be read and are left out, with what is annotated in them: ${
          inOrder.slice(0, 3).map(({ message }) => message).join("; ")
        }${inOrder.length > 3 ? "; …" : ""}`,
      advice: "Replace them: figures over fewer images compare with no figures over all.",
    }],
  };
}
