// The world of a shop: a stock, a bank, a carrier and an outbox, in memory. Each knows idempotency keys, but for the carrier.
//
// Before this file comes nothing. After it comes the job.

/** The bank says no, and will say so again. */
export class DeclinedError extends Error {
  readonly code = "DECLINED";
}

export class Shop {
  readonly reserved = new Set<string>();
  readonly charged = new Map<string, number>();
  readonly shipped: string[] = [];
  readonly mails = new Map<string, string>();
  readonly limit: number;

  constructor({ limit = 10_000 }: { limit?: number } = {}) {
    this.limit = limit;
  }

  async reserve(order: string): Promise<void> {
    this.reserved.add(order);
  }

  async release(order: string): Promise<void> {
    this.reserved.delete(order);
  }

  async charge(cents: number, key: string): Promise<{ charge: string }> {
    if (cents > this.limit) throw new DeclinedError("the card was declined");
    this.charged.set(key, cents);
    return { charge: key };
  }

  async refund(charge: string): Promise<void> {
    this.charged.delete(charge);
  }

  /** Ships as often as it is told to: whether it has, has to be asked first. */
  async ship(order: string): Promise<void> {
    this.shipped.push(order);
  }

  async hasShipped(order: string): Promise<boolean> {
    return this.shipped.includes(order);
  }

  async mail(to: string, text: string, key: string): Promise<void> {
    this.mails.set(key, `${to}: ${text}`);
  }
}
