namespace Ledger.Actors.Tests;

/// <summary>A position as text comes back as it was, and nothing else is taken for one.</summary>
public sealed class PositionTextTests
{
    private static readonly RowPosition Place = new(AccountAddress.Parse("users:42:wallet"), 12345);

    [Fact]
    public void It_comes_back_with_the_epoch_in_which_it_was_written()
    {
        var id = Guid.NewGuid();
        var epoch = 1L;
        var positions = new PositionText(() => Ledger(id, epoch));
        var text = positions.Write(Place);
        epoch = 2;

        positions.TryRead(text, out var written, out var read).ShouldBeTrue();
        read.ShouldBe(Place);
        written.ShouldBe(1);
        positions.Write(Place).ShouldNotBe(text);
        new PositionText(() => Ledger(id, 1)).Write(Place).ShouldBe(text, "on every node it is the same");
    }

    [Fact]
    public void The_longest_and_the_shortest_fit()
    {
        var id = Guid.NewGuid();
        var positions = new PositionText(() => Ledger(id, long.MaxValue));
        foreach (var place in new[]
        {
            new RowPosition(AccountAddress.Parse(new string('x', AccountAddress.LengthMax)), long.MaxValue),
            new RowPosition(AccountAddress.Parse("a"), 1),
        })
        {
            var text = positions.Write(place);
            text.Length.ShouldBeLessThanOrEqualTo(PositionText.LengthMax);
            positions.TryRead(text, out _, out var read).ShouldBeTrue();
            read.ShouldBe(place);
        }

        positions.Write(default).ShouldBeEmpty();
    }

    [Fact]
    public void What_was_changed_or_cut_or_is_another_ledger_s_is_none()
    {
        var id = Guid.NewGuid();
        var positions = new PositionText(() => Ledger(id, 1));
        var text = positions.Write(Place);
        var bytes = System.Buffers.Text.Base64Url.DecodeFromChars(text);
        for (var i = 0; i < bytes.Length; i++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                bytes[i] ^= (byte)(1 << bit);
                positions.TryRead(System.Buffers.Text.Base64Url.EncodeToString(bytes), out _, out _).ShouldBeFalse();
                bytes[i] ^= (byte)(1 << bit);
            }

            positions.TryRead(System.Buffers.Text.Base64Url.EncodeToString(bytes.AsSpan(0, i)), out _, out _)
                .ShouldBeFalse();
        }

        foreach (var wrong in new[] { null, "", "*", "AAAA", text + "A", new string('A', 300) })
        {
            positions.TryRead(wrong, out _, out _).ShouldBeFalse();
        }

        new PositionText(() => Ledger(Guid.NewGuid(), 1)).TryRead(text, out _, out _).ShouldBeFalse();
    }

    private static LedgerIdentity Ledger(Guid id, long epoch) => new(
        id, new LedgerEpoch(epoch, "somebody", new LedgerTime(0), "a test"), LedgerIdentity.IdWindowDefault);
}
