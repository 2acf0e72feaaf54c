/**
 * What a wire is measured against: a hand-written loop over `Deno.connect`
 * that moves as many bytes each way, and looks at none of them.
 *
 * @module
 */

/** The read buffer of a raw connection at each end, unless another is asked. */
export const READ_BUFFER: number = 64 * 1024;

/** How many bytes an operation takes in each direction, or all of them. */
export interface Traffic {
  /** From this process to its peer. */
  readonly sent: number;
  /** From the peer to this process. */
  readonly received: number;
}

/** A connection to the raw port of the peer. */
export class RawConnection {
  readonly #conn: Deno.TcpConn;
  readonly #buffer: Uint8Array<ArrayBuffer>;
  readonly #answer: number;
  /** A request, or many of them in a row. */
  #requests: Uint8Array;
  readonly #request: number;

  private constructor(
    conn: Deno.TcpConn,
    { sent, received }: Traffic,
    readBuffer: number,
  ) {
    this.#conn = conn;
    this.#buffer = new Uint8Array(readBuffer);
    this.#request = sent;
    this.#answer = received;
    this.#requests = new Uint8Array(sent);
  }

  /**
   * Connects.
   *
   * @param port The raw port of the peer.
   * @param traffic How many bytes a request and its answer have.
   * @param readBuffer How many bytes each end reads at once, at the most.
   * @param isKept Whether the peer keeps each request.
   * @returns The connection.
   */
  static async open(
    port: number,
    traffic: Traffic,
    readBuffer = READ_BUFFER,
    isKept = false,
  ): Promise<RawConnection> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    const header = new DataView(new ArrayBuffer(16));
    header.setUint32(0, traffic.sent);
    header.setUint32(4, traffic.received);
    header.setUint32(8, readBuffer);
    header.setUint32(12, isKept ? 1 : 0);
    await writeAll(conn, new Uint8Array(header.buffer));
    return new RawConnection(conn, traffic, readBuffer);
  }

  /**
   * Writes requests in one write, and waits until all answers came.
   *
   * @param count How many requests.
   */
  async exchange(count: number): Promise<void> {
    const length = count * this.#request;
    if (length > this.#requests.length) this.#requests = new Uint8Array(length);
    await writeAll(this.#conn, this.#requests.subarray(0, length));
    for (let left = count * this.#answer; left > 0;) left -= await this.#read();
  }

  /**
   * Writes requests one after the other, while answers come.
   *
   * @param count How many requests.
   * @param underWay How many may have no answer yet.
   */
  async stream(count: number, underWay = Infinity): Promise<void> {
    let answered = 0;
    let wake = () => {};
    const request = this.#requests.subarray(0, this.#request);
    const reading = (async () => {
      for (let came = 0; answered < count;) {
        came += await this.#read();
        answered = Math.floor(came / this.#answer);
        wake();
      }
    })();
    for (let written = 0; written < count; written++) {
      while (written - answered >= underWay) {
        await new Promise<void>((resolve) => wake = resolve);
      }
      await writeAll(this.#conn, request);
    }
    await reading;
  }

  /** Closes. */
  close(): void {
    this.#conn.close();
  }

  async #read(): Promise<number> {
    const count = await this.#conn.read(this.#buffer);
    if (count === null) throw new Error("The peer closed a raw connection.");
    return count;
  }
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let from = 0; from < bytes.length;) {
    from += await conn.write(from === 0 ? bytes : bytes.subarray(from));
  }
}
