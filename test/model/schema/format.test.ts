import assert from "node:assert/strict";

import fc from "fast-check";

import { UsherError } from "../../../src/base/errors.js";
import { checkSchema, compileSchema } from "../../../src/model/schema/compile.js";
import { formatSchema } from "../../../src/model/schema/format.js";
import type { Schema } from "../../../src/model/schema/schema.js";
import { schemaText, strewnSchemaText, tokenSoup } from "./generate.js";

/** All that a schema says but its text. */
function meaning(schema: Schema): unknown {
  return {
    definitions: [...schema.definitions.values()].map(({ name, doc, members }) => ({ name, doc, members: [...members.values()] })),
    conditions: [...schema.conditions.values()].map(({ name, doc, parameters, fingerprint }) => ({ name, doc, parameters: [...parameters], fingerprint })),
  };
}

describe("formatSchema", () => {
  it("brings a text into canonical form", () => {
    const text = `
// The schema of
//   a small shop.

use  expiration ;use typechecking
use partial
/** Whoever signs in. */
definition user { } // people
caveat late ( hour   int,tags list < string > ) { hour > 18   // after work
      && tags != [] }


definition shop/order{relation buyer:user|user:*with late // who pays
  relation seller : user#... with late and expiration; relation /* the
   parcel */ parcel: user


      /**
      * May look
        * at it.
      */
  permission view:user=(buyer+seller)+((parcel))
  permission hide = (buyer - (seller - parcel)) & (parcel.any(x) + parcel . all ( y ))
  ...shared
  // no more
}
partial shared {

  // only this

}
/* the end */`;
    assert.equal(formatSchema(text), `// The schema of
//   a small shop.

use expiration
use typechecking
use partial

/** Whoever signs in. */
definition user {} // people

caveat late(hour int, tags list<string>) {
	hour > 18   // after work
      && tags != []
}

definition shop/order {
	relation buyer: user | user:* with late // who pays
	relation seller: user with late and expiration
	/* the
   parcel */
	relation parcel: user

	/**
	 * May look
	 * at it.
	 */
	permission view: user = buyer + seller + parcel
	permission hide = (buyer - (seller - parcel)) & parcel->x + parcel.all(y)
	...shared
	// no more
}

partial shared {
	// only this
}
/* the end */
`);
  });

  it("leaves parentheses only where they are needed", () => {
    const of = (expression: string) => /= (.*)\n/.exec(formatSchema(`definition d { permission p = ${expression} }`))?.[1];
    assert.equal(of("(a + b) & c"), "a + b & c");
    assert.equal(of("a + (b & c)"), "a + (b & c)");
    assert.equal(of("((a - b) - c) - (d - e)"), "a - b - c - (d - e)");
    assert.equal(of("(a & b) - (c + d)"), "a & b - c + d");
    assert.equal(of("(a - b) & (c - d) + e"), "(a - b) & (c - d) + e");
  });

  it("does not turn a comment within a statement into documentation", () => {
    const text = "definition user {} definition /** no */ doc { relation a: /** nor this */ user }";
    assert.deepEqual(meaning(compileSchema(formatSchema(text))), meaning(compileSchema(text)));
    assert.match(formatSchema(text), /\/\* no \*\/\ndefinition doc/);
  });

  it("formats a text with unknown names, but none that it cannot read", () => {
    assert.equal(formatSchema("definition doc { relation a: nowhere }"), "definition doc {\n\trelation a: nowhere\n}\n");
    assert.throws(() => formatSchema("definition doc { relation a }"), { code: "invalid_schema" });
  });

  it("gives nothing for nothing", () => {
    assert.equal(formatSchema(" \n"), "");
  });

  it("keeps the meaning and every comment, and formats its own output to itself", () => {
    fc.assert(
      fc.property(schemaText, (text) => {
        const formatted = formatSchema(text);
        assert.equal(formatSchema(formatted), formatted);
        assert.deepEqual(meaning(compileSchema(formatted)), meaning(compileSchema(text)));
        assert.equal(formatted.split("/*").length, text.split("/*").length);
        assert.equal(formatted.split("//").length, text.split("//").length);
        assert(!/[ \t]$|\n\n\n/m.test(formatted), JSON.stringify(formatted));
      }),
      { numRuns: 200 },
    );
  });
});

describe("formatSchema, comments strewn about", () => {
  it("keeps what each of them documents, or does not", () => {
    let compiled = 0;
    fc.assert(
      fc.property(strewnSchemaText, (text) => {
        if (checkSchema(text).some(({ severity }) => severity === "error")) return;
        compiled++;
        const formatted = formatSchema(text);
        assert.equal(formatSchema(formatted), formatted);
        assert.deepEqual(meaning(compileSchema(formatted)), meaning(compileSchema(text)));
      }),
      { numRuns: 400 },
    );
    assert(compiled > 100, `only ${compiled} texts compiled`);
  });
});

describe("any text at all", () => {
  const never = (text: string) => {
    try {
      compileSchema(text);
      const formatted = formatSchema(text);
      assert.equal(formatSchema(formatted), formatted);
    } catch (error) {
      assert(error instanceof UsherError, String(error));
      assert.equal(error.code, "invalid_schema");
    }
  };

  it("compiles or is refused: words and marks of the language in any order", () => {
    fc.assert(fc.property(tokenSoup, never), { numRuns: 1_000 });
  });

  it("compiles or is refused: any characters", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 300 }), never), { numRuns: 1_000 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => never(Buffer.from(bytes).toString("latin1"))), { numRuns: 1_000 });
  });

  it("compiles or is refused: a sound schema with a piece cut out, or put in", () => {
    fc.assert(
      fc.property(schemaText, tokenSoup, fc.nat(), fc.nat(30), (text, soup, at, length) => {
        const place = at % (text.length + 1);
        const damaged = text.slice(0, place) + (length % 2 === 0 ? soup.slice(0, 10) : "") + text.slice(place + length);
        never(damaged);
        for (const { line, column, length: marked } of checkSchema(damaged.toWellFormed())) assert(line >= 1 && column >= 1 && marked >= 0);
      }),
      { numRuns: 200 },
    );
  });
});
