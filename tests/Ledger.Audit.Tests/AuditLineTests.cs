using System.Text;
using FsCheck.Xunit;

namespace Ledger.Audit.Tests;

/// <summary>A record has one form, of bounded length, whatever others put into it.</summary>
public sealed class AuditLineTests
{
    private static readonly AuditRecord s_record = new(
        7, new DateTimeOffset(2026, 11, 30, 9, 8, 7, 654, TimeSpan.Zero), "node-1",
        new AuditEvent(AuditKind.Denied)
        {
            Principal = "spiffe://bank/payments", Credential = "certificate:0A", Address = "10.0.0.7",
            Method = "ledger.v1.TransferService/PostTransfer", Target = "transfer", Outcome = "PERMISSION_DENIED",
            Correlation = "c1",
        })
    {
        Count = 3, Since = new DateTimeOffset(2026, 11, 30, 9, 8, 0, TimeSpan.Zero),
    };

    [Fact]
    public void A_record_is_written_in_this_form()
    {
        var (line, hash) = AuditLine.Write(s_record, AuditHead.None.Hash);
        Encoding.ASCII.GetString(line).ShouldBe(
            """{"n":7,"t":"2026-11-30T09:08:07.654Z","node":"node-1","kind":"denied","principal":"spiffe://bank/payments","credential":"certificate:0A","""
            + """ "address":"10.0.0.7","method":"ledger.v1.TransferService/PostTransfer","target":"transfer","outcome":"PERMISSION_DENIED","""[1..]
            + """ "correlation":"c1","count":3,"since":"2026-11-30T09:08:00.000Z","hash":" """.Trim() + hash + "\"}");

        // As anybody can compute it: printf '%s' of 32 zero bytes and the line up to ,"hash".
        var content = line[..^("""  ,"hash":" """.Trim().Length + 64 + 2)];
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData([.. new byte[32], .. content]))
            .ShouldBe(hash);
    }

    [Fact]
    public void What_was_written_is_read_and_any_other_form_is_no_record()
    {
        var (line, hash) = AuditLine.Write(s_record, AuditHead.None.Hash);
        AuditLine.Read(line).ShouldBe((s_record, hash));
        AuditLine.Fits(line, AuditHead.None.Hash, hash).ShouldBeTrue();
        AuditLine.Fits(line, new string('1', 64), hash).ShouldBeFalse();
        var text = Encoding.ASCII.GetString(line);
        foreach (var other in new[]
        {
            text.Replace("\"n\":7", "\"n\": 7", StringComparison.Ordinal),
            text.Replace("\"n\":7", "\"n\":7,\"n\":7", StringComparison.Ordinal),
            text.Replace("\"node\":\"node-1\"", "\"node\":\"\\u006eode-1\"", StringComparison.Ordinal),
            text.Replace("\"denied\"", "\"allowed\"", StringComparison.Ordinal),
            text.Replace("\"count\":3", "\"count\":0", StringComparison.Ordinal),
            text.Replace("\"count\":3", "\"count\":3,\"more\":1", StringComparison.Ordinal),
            text.Replace("654Z", "654+01:00", StringComparison.Ordinal),
            text.ToUpperInvariant(), text + " ", " " + text, "{}", "",
        })
        {
            AuditLine.Read(Encoding.ASCII.GetBytes(other)).ShouldBeNull(other);
        }
    }

    [Property(MaxTest = 500)]
    public void Whatever_others_put_in_is_one_short_line_of_ASCII(
        string principal, string address, string target, string detail)
    {
        var record = new AuditRecord(
            long.MaxValue, s_record.Time, principal, new AuditEvent(AuditKind.AuthenticationFailed)
        {
            Principal = principal,
            Credential = detail, Address = address, Method = target, Target = target, Outcome = address,
            Detail = detail + principal + address, Correlation = principal,
        });
        var (line, hash) = AuditLine.Write(record, new string('a', 64));
        line.Length.ShouldBeLessThanOrEqualTo(AuditLine.BytesMax);
        line.ShouldAllBe(static one => one >= 0x20 && one < 0x7f);
        AuditLine.Read(line).ShouldNotBeNull().Hash.ShouldBe(hash);
    }

    [Theory]
    [InlineData('a', 253)]
    [InlineData('\u001b', 42)]
    [InlineData('"', 42)]
    [InlineData('\ud83d', 42)]
    [InlineData('é', 42)]
    public void A_long_text_is_cut_by_its_bytes_in_the_file(char one, int kept)
    {
        var bounded = AuditText.Bounded(new string(one, 5_000)).ShouldNotBeNull();
        bounded.ShouldEndWith("...");
        (bounded.Length - 3).ShouldBeLessThanOrEqualTo(kept);
        AuditText.Bounded(bounded).ShouldBe(bounded);
        var record = s_record with { Event = new AuditEvent(AuditKind.Denied) { Detail = new string(one, 5_000) } };
        var (line, _) = AuditLine.Write(record, AuditHead.None.Hash);
        AuditLine.Read(line).ShouldNotBeNull();
        Encoding.ASCII.GetString(line).ShouldNotContain("\u001b");
    }
}
