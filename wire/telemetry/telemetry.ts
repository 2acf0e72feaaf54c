/**
 * Spans of OpenTelemetry for calls, where it is on.
 *
 * OpenTelemetry's JavaScript API keeps what was registered with it in a global
 * property, under a symbol that stays the same for all of version 1. Deno puts
 * its own there with `OTEL_DENO=true`; elsewhere an SDK does. So nothing has to
 * be imported.
 *
 * Names follow the semantic conventions for RPC spans in the form of their
 * release candidate: https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans
 *
 * @module
 */

import type { WireAddress } from "../transport/transport.ts";
import {
  type Middleware,
  type MiddlewareCall,
  TRANSPARENT,
} from "../rpc/middleware.ts";
import { errorMessage, shortText, WireError } from "../base/errors.ts";
import { type Metadata, metadataFit } from "../codec/messages.ts";

/** What is used of OpenTelemetry's API. */
export interface TelemetryApi {
  /** Makes tracers. */
  readonly trace: { getTracer(name: string): Tracer };
  /** Knows what is under way. */
  readonly context: { active(): Context };
  /** Says how a trace travels: as `traceparent`, unless told otherwise. */
  readonly propagation?: {
    inject(context: Context, carrier: Carrier, setter: typeof SETTER): void;
    extract(
      context: Context,
      carrier: Metadata,
      getter: typeof GETTER,
    ): Context;
  };
}

interface Tracer {
  startActiveSpan(
    name: string,
    options: { kind: number; attributes: Attributes },
    context: Context,
    work: (span: Span) => Promise<unknown>,
  ): Promise<unknown>;
}

interface Context {
  deleteValue(key: symbol): Context;
}

interface Span {
  setAttribute(key: string, value: string): unknown;
  setStatus(status: { code: number; message: string }): unknown;
  end(): void;
}

type Attributes = Record<string, string | number>;
type Carrier = Record<string, string>;
type Located = { readonly address: WireAddress };

const API = Symbol.for("opentelemetry.js.api.1");
/** Where a context keeps the span that is under way. */
const SPAN = Symbol.for("OpenTelemetry Context Key SPAN");
const SERVER = 1;
const CLIENT = 2;
const ERROR = 2;

const SETTER = {
  set(carrier: Carrier, key: string, value: string): void {
    carrier[key] = value;
  },
};
const GETTER = {
  get(carrier: Metadata, key: string): string | undefined {
    return Object.hasOwn(carrier, key) ? carrier[key] : undefined;
  },
  keys: (carrier: Metadata): string[] => Object.keys(carrier),
};

/**
 * Looks for OpenTelemetry.
 *
 * @returns Its API; undefined where it is off.
 */
export function findTelemetry(): TelemetryApi | undefined {
  const api = (globalThis as { [API]?: Partial<TelemetryApi> })[API];
  const isOn = api?.trace !== undefined && api.context !== undefined;
  return isOn ? api as TelemetryApi : undefined;
}

/**
 * Makes the middleware that makes spans.
 *
 * @param api OpenTelemetry's API.
 * @returns A middleware for calls that are served and for those that are made.
 */
export function spans(api: TelemetryApi): Middleware<Located> {
  const { context, propagation } = api;
  const tracer = api.trace.getTracer("@remote/wire");
  const middleware: Middleware<Located> = (call, next) => {
    const isServer = call.side === "serving";
    // What was under way when the wire was made has no part in the peer's calls.
    let parent = context.active();
    if (isServer) {
      parent = parent.deleteValue(SPAN);
      parent = propagation?.extract(parent, call.metadata, GETTER) ?? parent;
    }
    const options = {
      kind: isServer ? SERVER : CLIENT,
      attributes: attributesOf(call),
    };
    const name = nameOf(call);
    return tracer.startActiveSpan(name, options, parent, async (span) => {
      try {
        if (isServer) return await next();
        const carrier: Carrier = {};
        propagation?.inject(context.active(), carrier, SETTER);
        return await next({ metadata: merged(call.metadata, carrier) });
      } catch (error) {
        const message = shortText(errorMessage(error));
        span.setAttribute("error.type", typeOf(error));
        span.setStatus({ code: ERROR, message });
        throw error;
      } finally {
        span.end();
      }
    });
  };
  return Object.assign(middleware, { [TRANSPARENT]: true });
}

/** A function that was passed by reference has no name. */
function nameOf(call: MiddlewareCall<Located>): string {
  return call.name === "" ? "(function)" : call.name;
}

/** Metadata with what says where the call belongs, as far as there is room. */
function merged(metadata: Metadata, carrier: Carrier): Metadata {
  const all = { ...metadata, ...carrier };
  if (metadataFit(all)) return all;
  const { traceparent } = carrier;
  if (traceparent === undefined) return metadata;
  const some = { ...metadata, traceparent };
  return metadataFit(some) ? some : metadata;
}

function attributesOf(call: MiddlewareCall<Located>): Attributes {
  const { address } = call.wire;
  const role = call.side === "serving" ? "network.peer" : "server";
  const attributes: Attributes = {
    "rpc.system.name": "remote_wire",
    "rpc.method": nameOf(call),
  };
  switch (address.transport) {
    case "tcp":
    case "tls":
    case "websocket":
      attributes["network.transport"] = "tcp";
      attributes[`${role}.address`] = address.hostname;
      attributes[`${role}.port`] = address.port;
      break;
    case "unix":
      attributes["network.transport"] = "unix";
      attributes[`${role}.address`] = address.path;
      break;
    default:
      attributes["network.transport"] = "pipe";
  }
  return attributes;
}

/** What kind of error it is: few words, which do not tell its occasion. */
function typeOf(error: unknown): string {
  if (error instanceof WireError) return error.code;
  return error instanceof Error ? shortText(String(error.name)) : "_OTHER";
}
