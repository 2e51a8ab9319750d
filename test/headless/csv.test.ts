import { describe, expect, it } from 'vitest';
import { csvRow } from '../../main/headless/csv.ts';

describe('CSV', () => {
  it('is a line by RFC 4180', () => {
    expect(csvRow(['a', 1, null, '0.10'])).toBe('a,1,,0.10\r\n');
    expect(csvRow(['a,b', 'say "x"', 'two\nlines', 'cr\rhere'])).toBe(
      '"a,b","say ""x""","two\nlines","cr\rhere"\r\n',
    );
  });

  it.each([
    ['=1+1', "'=1+1"],
    ['+cmd', "'+cmd"],
    ['-2+3', "'-2+3"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\tx', "'\tx"],
    ['\r=x', '"\'\r=x"'],
    ['\n=x', '"\'\n=x"'],
    ['＝1+1', "'＝1+1"],
    ['＠x', "'＠x"],
    ['+-=@', "'+-=@"],
    ['-1.5=', "'-1.5="],
    ["=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"],
    ['=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'],
  ])('takes the formula out of %j', (text, cell) => {
    expect(csvRow([text])).toBe(`${cell}\r\n`);
  });

  it.each(['-1.5', '+3', '-0.00001', '1e-8', '-1E+5', '-.5'])('leaves the number %s as it is', (text) => {
    expect(csvRow([text])).toBe(`${text}\r\n`);
  });

  it.each(['a=b', "'already", 'x-y', 'a@b'])('leaves %j, which starts no formula', (text) => {
    expect(csvRow([text])).toBe(`${text}\r\n`);
  });
});
