using Ledger;
using Ledger.Testing;
using Xunit;

namespace Testing;

/// <summary>An application's tests against the real ledger, in a file of each test's own.</summary>
public sealed class PaymentServiceTests : IAsyncLifetime
{
    private TestLedger test = null!;

    public async Task InitializeAsync()
    {
        test = await TestLedger.StartAsync();
        await test.OpenAsync("bank", "USD/2");
        await test.OpenAsync("users:1", "USD/2");
    }

    public async Task DisposeAsync()
    {
        await test.ShouldBalanceAsync();
        await test.DisposeAsync();
    }

    [Theory]
    [InlineData(CallFault.Refused)]
    [InlineData(CallFault.RequestLost)]
    [InlineData(CallFault.AnswerLost)]
    public async Task A_payment_is_made_once_whatever_happens_to_the_call(CallFault fault)
    {
        test.FailCalls(fault, 3);
        var payments = new PaymentService(test.Ledger, TimeSpan.Zero);
        Assert.True(await payments.PayAsync(NewId(), "bank", "users:1", 1000));
        await test.ShouldHaveBalanceAsync("users:1", -1000);
    }

    [Fact]
    public async Task A_payment_is_made_once_though_the_ledger_crashes()
    {
        var payments = new PaymentService(test.Ledger, TimeSpan.FromMilliseconds(50));
        var paying = payments.PayAsync(NewId(), "bank", "users:1", 1000);
        await test.CrashAsync();
        Assert.True(await paying);
        await test.ShouldHaveBalanceAsync("users:1", -1000);
    }

    [Fact]
    public async Task A_hold_ends_by_itself()
    {
        await test.Ledger.PostTransferAsync(
            new Transfer(
                NewId(), AccountAddress.Parse("bank"), AccountAddress.Parse("users:1"), Amount.Of(500), Code: 1)
            {
                Kind = TransferKind.Hold,
                Timeout = TimeSpan.FromDays(7),
            });
        await test.ShouldHaveHeldAsync("bank", debits: 500);

        await test.AdvanceAsync(TimeSpan.FromDays(7));
        await test.ShouldHaveHeldAsync("bank", debits: 0);
    }

    private static TransferId NewId() => TransferId.FromGuid(Guid.CreateVersion7());
}
