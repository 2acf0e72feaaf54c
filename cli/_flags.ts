/**
 * What the module advises its users, in words of the command line: these have
 * flags, and no options to pass.
 *
 * @module
 */

/** What a message says, and what it says here; looked for in this order. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [
    /Give listener\.requireCredential and tls, or leave address out/,
    "Give --require-credential-env, --cert and --key, or leave --hostname out",
  ],
  [
    /Give it more time, or let them go on with the call's option \{ streams: "free" \}/,
    "Give it more time (--deadline), or leave --deadline out",
  ],
  [
    /Leave tls out, or give the server its tls option/,
    "Leave out --tls, --ca and --tls-name, or start the server with --cert and --key",
  ],
  [
    /If it does not speak TLS, leave tls out, or give the server its tls option/,
    "If it does not speak TLS, leave out --tls, --ca and --tls-name, or start the server with --cert and --key",
  ],
  [/It speaks TLS: use TLS at both ends\./, "It speaks TLS: give --tls."],
  [/If it speaks TLS, give the option tls\./, "If it speaks TLS, give --tls."],
  [
    /Give the option tls; or, where the network is safe by other means, insecure: true/,
    "Give --tls; or, where the network is safe by other means, --insecure",
  ],
  [
    /(The peer refused the connection: The credential is missing or wrong)\.$/,
    "$1. Put it into a variable and name that by --credential-env, or give --ask-credential.",
  ],
  [
    /Check its name, and that the peer has called serve\(\) by now\./,
    '"list ADDRESS" prints what is served there.',
  ],
  [/\btls\.clientCa\b/g, "--client-ca"],
  [/\btls\.caCerts\b/g, "--ca"],
  [/\btls\.hostname\b/g, "--tls-name"],
  [/\btls\.cert\b/g, "--cert"],
  [/\btls\.key\b/g, "--key"],
  [/\bcert and key\b/g, "--cert and --key"],
  [
    /\bThe option "listener\.requireCredential"/,
    "The secret of --require-credential-env",
  ],
  [/\bThe listener's credential\b/, "The secret of --require-credential-env"],
];

/**
 * Puts a message of the module into words of the command line.
 *
 * @param message What an error of this process says.
 * @returns The same, with flags in the place of options.
 */
export function inFlags(message: string): string {
  return WORDS.reduce(
    (text, [option, flag]) => text.replace(option, flag),
    message,
  );
}
