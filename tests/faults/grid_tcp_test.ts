import { testGrid } from "./_grid.ts";

if (Deno.build.os === "linux") testGrid("tcp");
