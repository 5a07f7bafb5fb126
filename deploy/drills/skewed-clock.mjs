// Loaded before the edge of a drill: this process's wall clock is off, as that of a machine whose time service has failed.
const off = Number(process.env.FIXGATE_DRILL_CLOCK_MS);
const RealDate = Date;
const now = RealDate.now.bind(RealDate);

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(now() + off);
    else super(...given);
  }
  static now() {
    return now() + off;
  }
};
