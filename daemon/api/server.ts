import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import swagger from '@fastify/swagger';
import { fastify } from 'fastify';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { invalid, messageOf, unavailable } from '../../src/model/errors.js';
import type { VersionObject } from '../../src/wire/objects.js';
import type { Logger } from '../log.js';
import { Drain } from './drain.js';
import { answerError, answerUnknownRoute, bodyLimit } from './errors.js';
import { addDoctorRoutes } from './doctor-routes.js';
import { addKeyRoutes } from './key-routes.js';
import { addEventRoutes } from './event-routes.js';
import { addHostRoutes } from './host-routes.js';
import { addResourceRoutes } from './resource-routes.js';
import { networkResource, serviceResource, tenantResource } from './resources.js';
import { addDaemonRoutes, addEndpointRoutes } from './routes.js';
import type { DaemonParts } from './routes.js';
import { schemaNames } from './schemas.js';
import type { ApiInstance } from './schemas.js';
import { addServiceRoutes } from './service-routes.js';
import type { TlsSettings } from './tls.js';
import { listenOnUnixSocket } from './unix-socket.js';
import type { UnixSocketOptions } from './unix-socket.js';
import { parseBody, validatorCompiler } from './validation.js';

export interface ApiParts extends DaemonParts {
  readonly logger: Logger;
}

/** How long `close` waits for requests under way, in milliseconds. */
const patience = 3000;

/**
 * How long a connection stays open without a request, in milliseconds: longer than clients keep theirs that ask often. When it ends in a moment in which netctld is
 * busy, a request that has come and was not read yet gets no answer but ECONNRESET (Node 20.20): with Node's own 5 s that happened under 100 changes a second.
 */
const keepAliveTimeout = 75_000;

/** The REST API, ready to listen. */
export async function createApi(parts: ApiParts): Promise<Api> {
  const answer = answerError(parts.logger);
  const app = fastify({
    logger: false,
    bodyLimit,
    // Raised before there is a route, for a path that cannot be decoded.
    frameworkErrors: (error, request, reply) => void answer(error, request, reply),
    // A key is two names of up to 64 and 256 characters; a longer one is answered with what is wrong with it.
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 4096 },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  // Answers are not held to their schemas, nor copied by them: types and tests do that, and it was half of the work of an answer.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  app.setErrorHandler(answer);
  app.setNotFoundHandler(answerUnknownRoute);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, async (_request: unknown, text: string) => Promise.resolve(parseBody(text)));
  app.addHook('onRequest', refuseBrowsers);
  observe(app, parts);
  await describe(app, parts.version);
  const closing = new AbortController();
  addRoutes(app, parts, closing.signal);
  await app.ready();
  return new Api(app, parts.logger, closing);
}

export class Api {
  readonly #drains: Drain[] = [];
  readonly #tlsServers: TlsServer[] = [];

  /** @param closing ends the answers that have no end of their own. */
  constructor(
    private readonly app: FastifyInstance,
    private readonly logger: Logger,
    private readonly closing: AbortController,
  ) {}

  /** A request without a socket, for tests: fastify's `inject`. */
  get inject(): FastifyInstance['inject'] {
    return this.app.inject.bind(this.app);
  }

  /**
   * Listens on a Unix socket of mode 0660, whose directory is made.
   * @throws NetctlError `conflict` if somebody listens there, `invalid` if there is something else, `unavailable` if it cannot be made.
   */
  async listenUnix(path: string, options?: UnixSocketOptions): Promise<void> {
    const server = createServer({ keepAliveTimeout }, this.#handler);
    const drain = new Drain(server);
    await listenOnUnixSocket(server, path, options);
    this.#drains.push(drain);
  }

  /**
   * Listens on TCP, besides. Returns the port, which the kernel chose if 0 was asked for.
   * @param tls without it everybody who reaches the port may do everything: for loopback addresses only.
   * @throws NetctlError `unavailable`.
   */
  async listenTcp(host: string, port: number, tls?: TlsSettings): Promise<number> {
    const server = tls === undefined ? createServer({ keepAliveTimeout }, this.#handler) : await this.#tlsServer(tls);
    const drain = new Drain(server);
    try {
      server.listen({ host, port });
      await once(server, 'listening');
      this.#drains.push(drain);
    } catch (error) {
      throw unavailable(`cannot listen at ${host} port ${port}: ${messageOf(error)}`, error);
    }
    return (server.address() as AddressInfo).port;
  }

  /** New connections get these certificates and are held to these authorities; those that are open go on. */
  renewTls(tls: TlsSettings): void {
    for (const server of this.#tlsServers) server.setSecureContext(tls);
  }

  /** Takes no more requests, lets those under way end, and removes the Unix socket. */
  async close(): Promise<void> {
    this.closing.abort();
    await Promise.all(this.#drains.splice(0).map((drain) => drain.close(patience)));
    await this.app.close();
  }

  readonly #handler = (request: IncomingMessage, response: ServerResponse): void => this.app.routing(request, response);

  async #tlsServer(tls: TlsSettings): Promise<TlsServer> {
    const https = await import('node:https');
    const server = https.createServer({ ...tls, keepAliveTimeout }, this.#handler);
    server.on('tlsClientError', (error, { remoteAddress }) => {
      this.logger.info({ event: 'tls-refused', from: remoteAddress, reason: messageOf(error) }, 'a client without a certificate of ours, or without TLS, was refused');
    });
    this.#tlsServers.push(server);
    return server;
  }
}

/**
 * A page that somebody opens in a browser on this host may send requests to loopback addresses, and a
 * POST needs no content type here. Browsers name the page's origin with every request that may change
 * something (RFC 6454, 7; fetch.spec.whatwg.org, "Origin header"), and pages cannot leave it out.
 */
function refuseBrowsers(request: FastifyRequest): Promise<void> {
  const { origin } = request.headers;
  return origin === undefined ? Promise.resolve() : Promise.reject(invalid(`requests of web pages are refused, and this one comes from ${origin}: use netctl or another program`));
}

/** Counts every request, logs those that may change something, and answers that fail when they have begun. */
function observe(app: ApiInstance, { logger, metrics }: ApiParts): void {
  app.addHook('onResponse', (request, reply, done) => {
    const { method, url } = request;
    const status = reply.statusCode;
    metrics.requestSeconds.observe({ method, route: request.routeOptions.url ?? 'unknown', status }, reply.elapsedTime / 1000);
    const level = method === 'GET' || method === 'HEAD' ? 'debug' : 'info';
    logger[level]({ event: 'request', method, url, status, milliseconds: Math.round(reply.elapsedTime) }, 'request answered');
    done();
  });
  // It is too late for another answer: the connection ends, so that nobody takes a part for all.
  app.addHook('onSend', (request, _reply, payload, done) => {
    if (payload instanceof Readable) payload.once('error', (error) => logger.error({ error, method: request.method, url: request.url }, 'an answer failed when a part of it was sent'));
    done(null, payload);
  });
}

async function describe(app: ApiInstance, { version }: VersionObject): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'netctl',
        version,
        description: "Tenants, networks and services of a Docker host. The objects have the shapes of Contiv's REST API.",
      },
    },
    transform: createJsonSchemaTransform({ schemaRegistry: schemaNames }),
    transformObject: createJsonSchemaTransformObject({ schemaRegistry: schemaNames }),
  });
}

function addRoutes(app: ApiInstance, parts: ApiParts, closing: AbortSignal): void {
  const { operations } = parts;
  addDaemonRoutes(app, parts);
  app.register((scope: ApiInstance, _options, done) => {
    // Nothing is answered from a state that is not loaded yet.
    scope.addHook('onRequest', () => operations.ready());
    addResourceRoutes(scope, tenantResource(operations));
    addResourceRoutes(scope, networkResource(operations));
    addResourceRoutes(scope, serviceResource(operations));
    addEndpointRoutes(scope, operations);
    addServiceRoutes(scope, operations);
    addDoctorRoutes(scope, operations);
    addKeyRoutes(scope, operations);
    addHostRoutes(scope, operations);
    addEventRoutes(scope, operations, closing);
    done();
  });
}
