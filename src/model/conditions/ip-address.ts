import { isIPv4, isIPv6 } from "node:net";

import { CelValueError } from "./cel-error.js";

/** An IP address as a number of its family's width. An IPv4 address mapped into IPv6 (`::ffff:10.0.0.1`) is the IPv4 address. */
export class IpAddress {
  readonly bits: 32 | 128;
  readonly value: bigint;

  private constructor(bits: 32 | 128, value: bigint) {
    this.bits = bits;
    this.value = value;
  }

  /** @throws CelValueError */
  static parse(this: void, text: string): IpAddress {
    if (isIPv4(text)) return new IpAddress(32, ipv4(text));
    if (isIPv6(text) && !text.includes("%")) {
      const value = ipv6(text);
      return isMapped(value) ? new IpAddress(32, value & 0xffff_ffffn) : new IpAddress(128, value);
    }
    throw new CelValueError("not an IP address: expected IPv4 or IPv6, like 10.0.0.1 or 2001:db8::1, without a zone");
  }

  /** Whether the address is in the block; one of the other family never is. */
  isIn(block: IpBlock): boolean {
    return this.bits === block.base.bits && (this.value ^ block.base.value) >> BigInt(this.bits - block.prefixBits) === 0n;
  }

  equals(other: IpAddress): boolean {
    return this.bits === other.bits && this.value === other.value;
  }
}

/** A block in CIDR form, `10.0.0.0/8`. Bits after the prefix are of no account. */
export class IpBlock {
  readonly base: IpAddress;
  readonly prefixBits: number;

  private constructor(base: IpAddress, prefixBits: number) {
    this.base = base;
    this.prefixBits = prefixBits;
  }

  /** @throws CelValueError */
  static parse(this: void, text: string): IpBlock {
    const match = /^([^/]+)\/(\d|[1-9]\d{1,2})$/.exec(text);
    if (match !== null) {
      const [, address = "", prefix = ""] = match;
      const base = IpAddress.parse(address);
      // A mapped block counts the 96 bits that mapping puts in front.
      const prefixBits = Number(prefix) - (base.bits === 32 && address.includes(":") ? 96 : 0);
      if (prefixBits >= 0 && prefixBits <= base.bits) return new IpBlock(base, prefixBits);
    }
    throw new CelValueError("not a block of IP addresses: expected CIDR form, like 10.0.0.0/8 or 2001:db8::/32");
  }
}

function ipv4(text: string): bigint {
  return BigInt(text.split(".").reduce((value, byte) => value * 256 + Number(byte), 0));
}

function ipv6(text: string): bigint {
  const lastColon = text.lastIndexOf(":");
  const tail = text.slice(lastColon + 1);
  const dotted = tail.includes(".");
  const plain = dotted ? `${text.slice(0, lastColon + 1)}${(ipv4(tail) >> 16n).toString(16)}:${(ipv4(tail) & 0xffffn).toString(16)}` : text;
  const [head = "", rest] = plain.split("::");
  const front = head === "" ? [] : head.split(":");
  const back = rest === undefined || rest === "" ? [] : rest.split(":");
  const groups = [...front, ...Array<string>(8 - front.length - back.length).fill("0"), ...back];
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

function isMapped(value: bigint): boolean {
  return value >> 32n === 0xffffn;
}
