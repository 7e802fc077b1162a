/**
 * A farm for tests, made from STF's own API description: every request and every answer is checked
 * against it.
 *
 * What its units do with a phone (owner, idle timeout, refusals) follows
 * `lib/units/api/controllers/user.js` and `lib/units/device/plugins/group.js` of npm
 * `@devicefarmer/stf` 3.7.9.
 *
 * @module
 */
import { Ajv } from "ajv";
import { parse } from "@std/yaml";

/** A phone of the farm. */
export interface ContractPhone {
  serial: string;
  present: boolean;
  ready: boolean;
  /** E-mail address of the user who has it. */
  owner: string | null;
  /** Address that `adb connect` is told. */
  remoteConnectUrl: string;
  model: string;
  version: string;
  abi: string;
  /** Milliseconds without activity after which it is taken back; set by who reserves it. */
  timeoutMs: number;
  heardAt: number;
}

/** Answers in place of the farm's own; null leaves the request to the farm. */
export type Disturbance = (method: string, path: string) => Response | "hang" | null;

/** A running farm. */
export interface ContractServer extends AsyncDisposable {
  address: URL;
  phones: Map<string, ContractPhone>;
  /** Requests as `METHOD path`, in order. */
  requests: string[];
  /** Where a request or an answer broke the contract; empty in a good test. */
  breaches: string[];
  disturb: Disturbance;
  /**
   * Closes the port, as when the network is lost; {@linkcode ContractServer.reopen} opens it again.
   */
  close(): Promise<void>;
  reopen(): void;
}

interface Parameter {
  name: string;
  in: "path" | "query" | "body" | "header";
  required?: boolean;
  type?: string;
  enum?: string[];
  schema?: Record<string, unknown>;
}
interface Operation {
  parameters?: Parameter[];
  responses: Record<string, { schema?: Record<string, unknown> }>;
  security?: unknown[];
}
interface Description {
  basePath: string;
  paths: Record<string, Record<string, Operation>>;
  definitions: Record<string, { properties?: Record<string, unknown> }>;
}

/** User that the token belongs to. */
export const OWN_EMAIL = "ci@example.org";

/** Returns a farm with these phones that accepts one token. */
export async function startContractServer(
  token: string,
  phones: Partial<ContractPhone>[],
): Promise<ContractServer> {
  const file = new URL("./stf_api_v1.yaml", import.meta.url);
  const description = parse(await Deno.readTextFile(file)) as Description;
  const ajv = new Ajv({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: "stf", definitions: description.definitions });
  const validate = (schema: Record<string, unknown>, value: unknown): string | null => {
    const text = JSON.stringify(schema).replaceAll('"#/definitions/', '"stf#/definitions/');
    const check = ajv.compile(JSON.parse(text));
    return check(value) ? null : ajv.errorsText(check.errors);
  };

  const server: ContractServer = {
    address: new URL("http://127.0.0.1"),
    phones: new Map(phones.map((phone, index) => [phone.serial!, {
      serial: "",
      present: true,
      ready: true,
      owner: null,
      remoteConnectUrl: `127.0.0.1:${7400 + index}`,
      model: "Pixel 8",
      version: "14",
      abi: "arm64-v8a",
      timeoutMs: 15 * 60_000,
      heardAt: Date.now(),
      ...phone,
    }])),
    requests: [],
    breaches: [],
    disturb: () => null,
    close: () => Promise.resolve(),
    reopen: () => {},
    [Symbol.asyncDispose]: () => server.close(),
  };

  /** Owner of a phone now: an idle one has been taken back. */
  const ownerOf = (phone: ContractPhone): string | null => {
    if (phone.owner !== null && Date.now() - phone.heardAt >= phone.timeoutMs) phone.owner = null;
    return phone.owner;
  };
  const asDevice = (phone: ContractPhone) => ({
    serial: phone.serial,
    present: phone.present,
    ready: phone.ready,
    using: ownerOf(phone) === OWN_EMAIL,
    owner: ownerOf(phone) === null
      ? null
      : { email: phone.owner, name: phone.owner!.split("@")[0], group: "g" },
    model: phone.model,
    version: phone.version,
    abi: phone.abi,
    remoteConnectUrl: ownerOf(phone) === OWN_EMAIL ? phone.remoteConnectUrl : null,
  });
  const ok = (extra: Record<string, unknown> = {}) => ({
    status: 200,
    body: { success: true, description: "done", ...extra },
  });
  const no = (status: number, text: string) => ({
    status,
    body: { success: false, description: text },
  });

  const act = (method: string, path: string, serial: string, body: Record<string, unknown>) => {
    if (path === "/devices") return ok({ devices: [...server.phones.values()].map(asDevice) });
    const phone = server.phones.get(path === "/user/devices" ? String(body.serial) : serial);
    if (phone === undefined) return no(404, "Device not found");
    if (path === "/user/devices") {
      if (!phone.present || !phone.ready || ownerOf(phone) !== null) {
        return no(403, "Device is being used or not available");
      }
      phone.owner = OWN_EMAIL;
      phone.timeoutMs = Number(body.timeout ?? 15 * 60_000);
      phone.heardAt = Date.now();
      return ok();
    }
    if (!phone.present || !phone.ready || ownerOf(phone) !== OWN_EMAIL) {
      return no(403, "Device is not owned by you or is not available");
    }
    phone.heardAt = Date.now();
    if (path.endsWith("/remoteConnect")) {
      return method === "POST" ? ok({ remoteConnectUrl: phone.remoteConnectUrl }) : ok();
    }
    phone.owner = null;
    return ok();
  };

  const handle = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const text = await request.text();
    const route = url.pathname.replace(description.basePath, "");
    server.requests.push(`${request.method} ${route}`);
    const disturbed = server.disturb(request.method, route);
    if (disturbed === "hang") return await new Promise(() => {});
    if (disturbed !== null) return disturbed;
    const breach = (found: string) => {
      server.breaches.push(`${request.method} ${route}: ${found}`);
      return Response.json({ message: "Request validation failed" }, { status: 400 });
    };
    if (!url.pathname.startsWith(`${description.basePath}/`)) {
      return breach("outside of the base path");
    }
    const [template, operation, values] = findOperation(description, request.method, route);
    if (operation === null) return breach("no such operation");
    if (operation.security !== undefined) {
      const sent = request.headers.get("authorization") ?? "";
      if (!sent.startsWith("Bearer ")) breach("no bearer token");
      if (sent !== `Bearer ${token}`) {
        return Response.json(no(401, "Bad Credentials").body, { status: 401 });
      }
    }
    let body: Record<string, unknown> = {};
    const parameters = operation.parameters ?? [];
    const bodyParameter = parameters.find((parameter) => parameter.in === "body");
    if (bodyParameter !== undefined) {
      if (request.headers.get("content-type") !== "application/json") {
        breach("body is not declared as JSON");
      }
      body = JSON.parse(text || "null");
      const wrong = validate(bodyParameter.schema!, body);
      if (wrong !== null) return breach(`body: ${wrong}`);
      const name = String(bodyParameter.schema!.$ref).split("/").pop()!;
      const known = Object.keys(description.definitions[name].properties ?? {});
      const unknown = Object.keys(body).filter((key) => !known.includes(key));
      if (unknown.length > 0) return breach(`body has unknown keys ${unknown}`);
    } else if (text !== "") return breach("a body where none is expected");
    for (const key of url.searchParams.keys()) {
      if (!parameters.some((p) => p.in === "query" && p.name === key)) {
        return breach(`unknown query ${key}`);
      }
    }
    const answer = act(
      request.method,
      template.replace("{serial}", values.serial ?? ""),
      values.serial ?? "",
      body,
    );
    const contract = operation.responses[String(answer.status)] ?? operation.responses.default;
    const wrong = contract?.schema === undefined ? null : validate(contract.schema, answer.body);
    if (wrong !== null) server.breaches.push(`answer to ${request.method} ${route}: ${wrong}`);
    return Response.json(answer.body, { status: answer.status });
  };

  const open = (port: number) => {
    const listening = Deno.serve({ hostname: "127.0.0.1", port, onListen: () => {} }, handle);
    server.address = new URL(`http://127.0.0.1:${listening.addr.port}`);
    server.reopen = () => open(listening.addr.port);
    server.close = async () => {
      server.close = () => Promise.resolve();
      const closed = listening.shutdown();
      // Requests that hang by a disturbance never end by themselves.
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 200))]);
    };
  };
  open(0);
  return server;
}

/** Operation of the description for a path, with the path's template and the values in it. */
function findOperation(
  description: Description,
  method: string,
  route: string,
): [string, Operation | null, Record<string, string>] {
  for (const [template, operations] of Object.entries(description.paths)) {
    const names: string[] = [];
    const pattern = template.replace(/\{(\w+)\}/g, (_, name) => (names.push(name), "([^/]+)"));
    const match = new RegExp(`^${pattern}$`).exec(route);
    if (match === null) continue;
    const values = Object.fromEntries(
      names.map((name, index) => [name, decodeURIComponent(match[index + 1])]),
    );
    return [template, operations[method.toLowerCase()] ?? null, values];
  }
  return ["", null, {}];
}
