/**
 * Checks a table file of LevelDB: that every block has the checksum that was written with it. LevelDB can do so itself, but
 * classic-level does not ask it to, and of a table that is damaged in certain places it makes an assertion that ends the process.
 *
 * The format is LevelDB's doc/table_format.md: blocks, each followed by its type and its checksum, and a footer that says where two of
 * them are, in which the places of all others are.
 */
const footerLength = 48;
const magic = 0xdb4775248b80fb57n;

interface Place {
  readonly offset: number;
  readonly size: number;
}

/** What is wrong with the table; undefined if nothing is, as far as can be seen: what an index in compressed form leads to is not looked at. */
export function faultOfTable(bytes: Buffer): string | undefined {
  try {
    const [meta, index] = placesInFooter(bytes);
    for (const place of [meta, index]) for (const inner of placesIn(block(bytes, place))) block(bytes, inner);
    return undefined;
  } catch (error) {
    if (error instanceof TableFault) return error.message;
    if (error instanceof RangeError) return 'it leads beyond its end';
    throw error;
  }
}

class TableFault extends Error {
  override readonly name = 'TableFault';
}

function placesInFooter(bytes: Buffer): [Place, Place] {
  if (bytes.length < footerLength) throw new TableFault('it is cut off');
  const footer = bytes.subarray(bytes.length - footerLength);
  if (footer.readBigUInt64LE(footerLength - 8) !== magic) throw new TableFault('its end is not that of a table');
  const reader = new Reader(footer);
  return [reader.place(), reader.place()];
}

/** The content of a block, or undefined if it is compressed. */
function block(bytes: Buffer, { offset, size }: Place): Buffer | undefined {
  const end = offset + size;
  const written = bytes.readUInt32LE(end + 1);
  if (unmask(written) !== crc32c(bytes.subarray(offset, end + 1))) throw new TableFault(`the block at ${offset} is not as it was written`);
  return bytes[end] === 0 ? bytes.subarray(offset, end) : undefined;
}

/** The places that an index block has as its values. Behind its entries are its restart points, and their number. */
function placesIn(content: Buffer | undefined): Place[] {
  if (!content) return [];
  const restarts = content.readUInt32LE(content.length - 4);
  const reader = new Reader(content);
  const places: Place[] = [];
  while (reader.position < content.length - 4 * (restarts + 1)) {
    reader.number(); // as many bytes of the key are those of the key before it
    const keyLength = reader.number();
    const valueLength = reader.number();
    reader.position += keyLength;
    const end = reader.position + valueLength;
    places.push(reader.place());
    reader.position = end;
  }
  return places;
}

class Reader {
  position = 0;

  constructor(private readonly bytes: Buffer) {}

  /** Seven bits a byte, the lowest first. */
  number(): number {
    for (let value = 0, factor = 1; factor <= 2 ** 49; factor *= 128) {
      const byte = this.bytes.readUInt8(this.position++);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new TableFault('it has a number that is too large');
  }

  place(): Place {
    return { offset: this.number(), size: this.number() };
  }
}

/** LevelDB turns and shifts its checksums, because a checksum over data that has checksums in it is weak. */
function unmask(masked: number): number {
  const turned = (masked - 0xa282ead8) >>> 0;
  return ((turned >>> 17) | (turned << 15)) >>> 0;
}

/** Castagnoli's polynomial, as RFC 3720 has it. */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

function crc32c(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}
