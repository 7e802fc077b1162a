/**
 * The phones that the adb server knows, each once: a phone on a cable with wireless debugging
 * switched on is listed twice, and two phones may tell the same serial.
 *
 * @module
 */
import type { Limit } from "../shell/link.ts";
import { SECTION_PRELUDE, splitSections, textOrNull } from "../shell/sections.ts";
import { listAdbDevices, shellOnce } from "./link.ts";
import { deviceNames } from "./names.ts";
import type { AdbServer } from "./server.ts";
import { isNetworkSerial } from "./words.ts";

/** A line of the adb server's list. */
export interface ListedPhone {
  /** By which it is asked for. */
  name: string;
  /** As adb gives it: `device` is ready. */
  state: string;
  /** Name of another line that is the same phone and is to be used; null for the one to use. */
  sameAs: string | null;
}

/** What a phone tells about itself. */
export interface PhoneIdentity {
  /** `ro.serialno`: some makers give every phone the same. */
  serial: string | null;
  /** `ro.build.fingerprint`. */
  fingerprint: string | null;
  /** Random id of the boot; null where the shell may not read it. */
  boot: string | null;
}

/** Reads {@linkcode PhoneIdentity}. */
const IDENTITY_SCRIPT = `${SECTION_PRELUDE}section serial; getprop ro.serialno
section fingerprint; getprop ro.build.fingerprint
section boot; first /proc/sys/kernel/random/boot_id; echo "$v"`;

/**
 * Returns true when two links lead to one phone: it tells one serial, and runs in one boot. Where
 * the boot can't be read, one system as well, and one of the links is wireless.
 */
export function isSamePhone(
  a: PhoneIdentity & { isWireless: boolean },
  b: PhoneIdentity & { isWireless: boolean },
): boolean {
  if (a.serial === null || a.serial !== b.serial || a.fingerprint !== b.fingerprint) return false;
  if (a.boot !== null && b.boot !== null) return a.boot === b.boot;
  return a.isWireless !== b.isWireless;
}

/**
 * Returns what the adb server lists, each line with the one to use for its phone: the cable's.
 *
 * A phone that does not answer is taken as it is listed.
 */
export async function listPhones(server: AdbServer, limit: Limit): Promise<ListedPhone[]> {
  const listed = await listAdbDevices(server, limit);
  const names = deviceNames(listed);
  const lines = await Promise.all(listed.map(async ({ state }, at) => {
    const name = names[at];
    const isWireless = isNetworkSerial(name) || name.includes("._adb");
    if (state !== "device") return { name, state, isWireless, identity: null };
    const identity = await shellOnce(server, name, "read its serial", IDENTITY_SCRIPT, limit)
      .then(({ stdout }) => parseIdentity(stdout), () => null);
    return { name, state, isWireless, identity };
  }));
  return lines.map((line) => {
    const { name, state, isWireless, identity } = line;
    const same = lines.filter((other) =>
      other === line ||
      identity !== null && other.identity !== null &&
        isSamePhone({ ...identity, isWireless }, {
          ...other.identity,
          isWireless: other.isWireless,
        })
    );
    const best = same.find((other) => !other.isWireless) ?? same[0];
    return { name, state, sameAs: best === line ? null : best.name };
  });
}

function parseIdentity(output: string): PhoneIdentity {
  const sections = splitSections(output);
  const text = (name: string) => textOrNull(sections.get(name));
  return { serial: text("serial"), fingerprint: text("fingerprint"), boot: text("boot") };
}
