/**
 * Sizes and EXIF orientation of a picture, from its header alone.
 *
 * @module
 */
import sharp from "sharp";

/** Width and height in pixels. */
export interface Size {
  widthPx: number;
  heightPx: number;
}

/** What the header of a picture says. */
export interface PictureHeader {
  /** EXIF orientation, 1 to 8; 1 where there is none. */
  orientation: number;
  /** As the pixels are stored. */
  stored: Size;
  /** As EXIF has them turned. */
  upright: Size;
}

/** Returns what the header of a file or of its bytes says; null when it isn't readable. */
export async function readHeader(picture: string | Uint8Array): Promise<PictureHeader | null> {
  try {
    const { width, height, orientation = 1 } = await sharp(picture, { limitInputPixels: false })
      .metadata();
    return {
      orientation,
      stored: { widthPx: width, heightPx: height },
      upright: orientation >= 5
        ? { widthPx: height, heightPx: width }
        : { widthPx: width, heightPx: height },
    };
  } catch {
    return null;
  }
}

/** True when the two are the same size. */
export function isSize(a: Size, b: Size): boolean {
  return a.widthPx === b.widthPx && a.heightPx === b.heightPx;
}

/** Returns the size with its sides exchanged. */
export function exchanged({ widthPx, heightPx }: Size): Size {
  return { widthPx: heightPx, heightPx: widthPx };
}
