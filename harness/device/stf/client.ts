/**
 * Client of the REST API of DeviceFarmer STF and DeviceHub: phones that are lent over the network.
 *
 * Contract: `lib/units/api/swagger/api_v1.yaml` of npm `@devicefarmer/stf` 3.7.9
 * (`testdata/stf_api_v1.yaml`).
 *
 * @module
 */
import { z } from "zod";
import { HarnessError } from "../../errors.ts";
import { HIDDEN, redact, type Secret } from "../../secret.ts";

/** Environment variable with the access token; `…_FILE` names a file with it. */
export const STF_TOKEN_NAME = "POSEMARK_STF_TOKEN";

const DeviceSchema = z.object({
  serial: z.string(),
  present: z.boolean().nullish(),
  ready: z.boolean().nullish(),
  using: z.boolean().nullish(),
  owner: z.object({ name: z.string().nullish(), email: z.string().nullish() }).nullish(),
  manufacturer: z.string().nullish(),
  model: z.string().nullish(),
  marketName: z.string().nullish(),
  version: z.string().nullish(),
  abi: z.string().nullish(),
  cpuPlatform: z.string().nullish(),
  platform: z.string().nullish(),
});

/** A phone as the farm lists it; what it does not say is null. */
export interface StfPhone {
  serial: string;
  /** `away`: not plugged in, not ready. */
  state: "free" | "ours" | "taken" | "away";
  /** Who has it; null when nobody has, or the farm does not say. */
  owner: string | null;
  model: string | null;
  soc: string | null;
  android: string | null;
  abi: string | null;
}

/** The calls that a lease needs. Each throws `HarnessError`, see {@linkcode stfClient}. */
export interface StfClient {
  /** Address for messages. */
  readonly address: string;
  /** Returns all phones that the token's user may use. */
  phones(signal?: AbortSignal): Promise<StfPhone[]>;
  /**
   * Takes the phone. The farm takes it back when it is idle for so long: that is what frees it when
   * this process dies. Throws `device-busy` when another has it.
   */
  reserve(serial: string, idleTimeoutMs: number, signal?: AbortSignal): Promise<void>;
  /**
   * Returns the address for `adb connect`. May be called again: it counts as activity, so it
   * extends the lease. Throws `device-lost` when the phone is not ours.
   */
  connect(serial: string, signal?: AbortSignal): Promise<string>;
  /** Ends remote debugging. */
  disconnect(serial: string, signal?: AbortSignal): Promise<void>;
  /** Gives the phone back; a phone that is not ours, or is gone, is no error. */
  release(serial: string, signal?: AbortSignal): Promise<void>;
}

/** How to reach the farm. */
export interface StfOptions {
  /** Address without a path, for instance `https://stf.example`. */
  address: URL;
  token: Secret;
  /** Longest time for one request; the farm itself waits up to 5 s for a phone. */
  timeoutMs: number;
}

/**
 * Returns what `stf://host/SERIAL` (over TLS) or `stf+http://host:port/SERIAL` names; the serial is
 * null when there is none.
 *
 * Throws `HarnessError` `bad-option` for another text, or when the address holds a user or
 * password.
 */
export function parseStfAddress(text: string): { address: URL; serial: string | null } {
  const parts = /^stf(\+http)?:\/\/([^/@]+)(?:\/([^/]*))?$/.exec(text);
  const base = parts === null ? null : `${parts[1] ? "http" : "https"}://${parts[2]}`;
  if (base === null || !URL.canParse(base)) {
    const found = text.includes("@") ? "an address with a user in it" : `"${text}"`;
    throw new HarnessError(
      "bad-option",
      `Cannot use ${found} as a phone of a farm: expected stf://host/SERIAL (or stf+http://host:port/SERIAL without TLS), and the token in ${STF_TOKEN_NAME}`,
    );
  }
  const serial = decodeURIComponent(parts![3] ?? "");
  return { address: new URL(base), serial: serial === "" ? null : serial };
}

/**
 * Returns a client; nothing is asked of the farm yet.
 *
 * Errors: `farm-failed` when the farm can't be reached, does not accept the token, or answers what
 * the contract does not allow; `device-not-found`, `device-busy`, `device-offline` and
 * `device-lost` by what it says of the phone. No message holds the token.
 */
export function stfClient(options: StfOptions): StfClient {
  const origin = options.address.origin;

  const request = async <T>(
    schema: z.ZodType<T>,
    method: string,
    path: string,
    what: { task: string; serial?: string; forbidden?: "device-busy" | "device-lost" },
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<T> => {
    const clean = (text: string) =>
      redact(text, [options.token]).replace(/\s+/g, " ").slice(0, 300);
    const cannot = `Cannot ${what.task} at ${origin}`;
    let response: Response;
    let text: string;
    const limit = AbortSignal.timeout(options.timeoutMs);
    try {
      response = await fetch(`${origin}/api/v1${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${options.token.reveal()}`,
          Accept: "application/json",
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
        // A redirect could carry the token to another host.
        redirect: "error",
      });
      text = await response.text();
    } catch (cause) {
      signal?.throwIfAborted();
      throw new HarnessError(
        "farm-failed",
        `${cannot}: ${clean((cause as Error).message)}. Is the farm up, and the address right?`,
      );
    }
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      answer = undefined;
    }
    if (!response.ok) {
      const said = clean(descriptionOf(answer) ?? text) || "nothing more";
      throw refusal(response.status, said, cannot, what);
    }
    const parsed = z.object({ success: z.literal(true) }).safeParse(answer);
    const result = parsed.success ? schema.safeParse(answer) : parsed;
    if (result.success) return result.data as T;
    const issue = result.error.issues[0];
    throw new HarnessError(
      "farm-failed",
      `${cannot}: it answered ${response.status} with something else than its API promises (${
        answer === undefined
          ? `no JSON: ${clean(text) || "an empty text"}`
          : `key "${issue.path.join(".")}": ${issue.message}`
      }). Is it DeviceFarmer STF or DeviceHub, and no proxy in between?`,
    );
  };
  const anything = z.object({});
  const place = (serial: string) => `/user/devices/${encodeURIComponent(serial)}`;

  return {
    address: origin,
    async phones(signal) {
      const answer = await request(
        z.object({ devices: z.array(DeviceSchema) }),
        "GET",
        "/devices",
        { task: "list the phones" },
        undefined,
        signal,
      );
      return answer.devices.map(asPhone);
    },
    async reserve(serial, idleTimeoutMs, signal) {
      await request(
        anything,
        "POST",
        "/user/devices",
        { task: `reserve phone "${serial}"`, serial, forbidden: "device-busy" },
        { serial, timeout: Math.round(idleTimeoutMs) },
        signal,
      );
    },
    async connect(serial, signal) {
      const answer = await request(
        z.object({ remoteConnectUrl: z.string().regex(/^[^\s/]+:\d{1,5}$/, "expected host:port") }),
        "POST",
        `${place(serial)}/remoteConnect`,
        { task: `connect to phone "${serial}"`, serial, forbidden: "device-lost" },
        undefined,
        signal,
      );
      return answer.remoteConnectUrl;
    },
    async disconnect(serial, signal) {
      await request(
        anything,
        "DELETE",
        `${place(serial)}/remoteConnect`,
        { task: `disconnect phone "${serial}"`, serial, forbidden: "device-lost" },
        undefined,
        signal,
      );
    },
    async release(serial, signal) {
      try {
        await request(
          anything,
          "DELETE",
          place(serial),
          { task: `give back phone "${serial}"`, serial, forbidden: "device-lost" },
          undefined,
          signal,
        );
      } catch (error) {
        const gone = error instanceof HarnessError &&
          (error.code === "device-lost" || error.code === "device-not-found");
        if (!gone) throw error;
      }
    },
  };
}

/** Words that an error of the farm carries; null when it has none. */
function descriptionOf(answer: unknown): string | null {
  const result = z.union([
    z.object({ description: z.string() }).transform((value) => value.description),
    z.object({ message: z.string() }).transform((value) => value.message),
  ]).safeParse(answer);
  return result.success ? result.data : null;
}

/** Error for a status of the contract. */
function refusal(
  status: number,
  said: string,
  cannot: string,
  what: { serial?: string; forbidden?: "device-busy" | "device-lost" },
): HarnessError {
  if (status === 401) {
    return new HarnessError(
      "farm-failed",
      `${cannot}: it did not accept the token ${HIDDEN} (${said}). Make a new one in the farm's settings, and put it in ${STF_TOKEN_NAME}`,
    );
  }
  if (status === 403 && what.forbidden === "device-busy") {
    return new HarnessError(
      "device-busy",
      `${cannot}: ${said}. Wait until it is free, or take another phone`,
    );
  }
  if (status === 403 && what.forbidden === "device-lost") {
    return new HarnessError("device-lost", `${cannot}: ${said}. The phone is not ours (any more)`);
  }
  if (status === 404 && what.serial !== undefined) {
    return new HarnessError(
      "device-not-found",
      `${cannot}: ${said}. The farm lists its phones by "deno task farm nodes"`,
    );
  }
  if (status === 504 && what.serial !== undefined) {
    return new HarnessError(
      "device-offline",
      `${cannot}: ${said}. The phone does not answer the farm: its cable may be out, or it hangs`,
    );
  }
  return new HarnessError("farm-failed", `${cannot}: it answered ${status} (${said})`);
}

function asPhone(device: z.infer<typeof DeviceSchema>): StfPhone {
  const away = device.present !== true || device.ready !== true;
  const owned = device.owner !== null && device.owner !== undefined;
  return {
    serial: device.serial,
    state: away ? "away" : device.using === true ? "ours" : owned ? "taken" : "free",
    owner: device.owner?.name ?? device.owner?.email ?? null,
    model: device.marketName ?? device.model ?? null,
    soc: device.cpuPlatform ?? null,
    android: device.version ?? null,
    abi: device.abi ?? null,
  };
}
