import { CompareResult, CompareTarget } from 'etcd3';
import type { ICompare, IKeyValue, IRangeRequest, IRequestOp, IResponseOp, ITxnRequest } from 'etcd3';
import { NetctlError, unavailable } from '../../src/model/errors.js';
import type { Condition, Entry, Json, Operation, Transaction } from './port.js';

/** etcd's default of --max-txn-ops, less one for the transaction within the failure of each. */
const mostPerLevel = 127;

/** How the entries of one store lie among all keys of etcd. */
export class EtcdKeys {
  readonly all: Range;
  readonly data: Range;
  /** What says of which format the data are. */
  readonly format: Buffer;
  /** Written where a condition did not hold, to know which revision that was. */
  readonly fence: Buffer;

  /** @param prefix begins all keys of the store, and none of another. */
  constructor(readonly prefix: string) {
    this.all = rangeOf(prefix);
    this.data = rangeOf(`${prefix}data/`);
    this.format = Buffer.from(`${prefix}meta/format`);
    this.fence = Buffer.from(`${prefix}meta/fence`);
  }

  of(key: string): Buffer {
    return Buffer.concat([this.data.key, Buffer.from(key)]);
  }

  below(prefix: string): Range {
    return rangeOf(Buffer.concat([this.data.key, Buffer.from(prefix)]));
  }

  /** Undefined for a key that holds no entry. */
  keyOf(bytes: Buffer): string | undefined {
    const { length } = this.data.key;
    return bytes.subarray(0, length).equals(this.data.key) ? bytes.toString('utf8', length) : undefined;
  }

  /** @throws NetctlError `unavailable` if it is not what netctl writes. */
  entryOf({ key, value, mod_revision }: IKeyValue): Entry {
    try {
      return { key: this.keyOf(key) ?? '', value: JSON.parse(value.toString()) as Json, revision: Number(mod_revision) };
    } catch {
      throw unavailable(`the key ${key.toString()} in etcd holds what netctl does not write: delete it, or restore a backup`);
    }
  }

  /**
   * The transaction, with the mark among its conditions: nothing is written into another state. If it does not succeed, the one within its failure does if
   * only conditions did not hold. Operations are not in one within another where that can be: etcd counts for its quota what a transaction itself puts, and not
   * what those within it do (3.4.23, server/etcdserver/quota.go), so that a full etcd would take ever more.
   */
  txn({ conditions, operations }: Transaction, mark: string): ITxnRequest {
    const compare = [this.#isMarked(mark), ...conditions.map((condition) => this.#compare(condition))];
    const success = nested(operations.map((operation) => this.#operation(operation)), compare.length);
    return { compare, success, failure: [{ request_txn: this.marked({ request_put: { key: this.fence } }, mark) }] };
  }

  /** Carried out if the state has the mark. */
  marked(operation: IRequestOp, mark: string): ITxnRequest {
    return { compare: [this.#isMarked(mark)], success: [operation] };
  }

  #isMarked(mark: string): ICompare {
    return { key: this.format, target: CompareTarget.Value, result: CompareResult.Equal, value: Buffer.from(mark) };
  }

  #compare(condition: Condition): ICompare {
    const key = this.of(condition.key);
    switch (condition.is) {
      case 'absent':
        return { key, target: CompareTarget.Create, result: CompareResult.Equal, create_revision: 0 };
      case 'present':
        return { key, target: CompareTarget.Create, result: CompareResult.NotEqual, create_revision: 0 };
      case 'at':
        // The revision of an absent key is 0 for etcd, and no entry is at revision 0 for us.
        return { key, target: CompareTarget.Mod, result: CompareResult.Equal, mod_revision: condition.revision === 0 ? -1 : condition.revision };
    }
  }

  #operation(operation: Operation): IRequestOp {
    const key = this.of(operation.key);
    return 'delete' in operation ? { request_delete_range: { key } } : { request_put: { key, value: Buffer.from(JSON.stringify(operation.put)) } };
  }
}

export interface Range {
  readonly key: Buffer;
  readonly range_end: Buffer;
}

/** Everything that begins with the prefix: up to, not including, the next text of the same length. */
function rangeOf(prefix: string | Buffer): Range {
  const key = Buffer.from(prefix);
  const end = Buffer.from(key);
  // UTF-8 has no byte 0xff, so the last one can always be counted up.
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return { key, range_end: end };
}

/**
 * etcd takes 128 conditions or operations in a transaction by default, and counts those of a transaction within it from what is left. So as
 * many inner ones as need be share the operations; all together are one revision, and none of them has conditions of its own.
 */
function nested(operations: readonly IRequestOp[], conditions: number): IRequestOp[] {
  if (operations.length <= mostPerLevel && conditions <= mostPerLevel) return [...operations];
  for (let parts = 2; parts < mostPerLevel; parts++) {
    const each = mostPerLevel - Math.max(parts, conditions);
    if (parts * each < operations.length) continue;
    return Array.from({ length: parts }, (_, part) => ({ request_txn: { success: operations.slice(part * each, (part + 1) * each) } })).filter(({ request_txn }) => request_txn.success.length > 0);
  }
  throw new NetctlError('internal', `a transaction of ${conditions} conditions and ${operations.length} operations is larger than etcd takes`);
}

/** Whether anything was written. Deleting what was absent is nothing, and then there is no new revision. */
export function wroteAnything(responses: readonly IResponseOp[]): boolean {
  return responses.some((response) => {
    const { response_put, response_delete_range, response_txn } = response as Partial<IResponseOp>;
    return Boolean(response_put) || Number(response_delete_range?.deleted ?? 0) > 0 || (response_txn ? wroteAnything(response_txn.responses) : false);
  });
}

/** A page of a range, in the order of keys. @param after the last key of the page before, and the revision at which that was read. */
export function page({ key, range_end }: Range, limit: number, after?: { readonly key: Buffer; readonly revision: number }): IRangeRequest {
  return after ? { key: Buffer.concat([after.key, Buffer.of(0)]), range_end, limit, revision: after.revision } : { key, range_end, limit };
}
