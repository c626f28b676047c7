using System.Reflection;
using Grpc.Core;

namespace Ledger.Chaos.Checking.Tests;

/// <summary>The checker's list of errors is its own; it must be that of the facade.</summary>
public class NamesTests
{
    [Fact]
    public void Every_reason_of_the_facade_is_known_and_no_other()
    {
        var reasons = typeof(LedgerGrpcOptions).Assembly.GetType("Ledger.Grpc.Errors.ErrorReasons", throwOnError: true)!
            .GetFields(BindingFlags.Static | BindingFlags.Public).Select(static field => field.GetValue(null)!)
            .ToArray();
        reasons.ShouldNotBeEmpty();
        reasons.Select(static reason => (
                Name: (string)Value(reason, "Name"), Code: Names.Snake(((StatusCode)Value(reason, "Code")).ToString()),
                IsUnknown: (bool)Value(reason, "OutcomeUnknown")))
            .Order()
            .ShouldBe(Names.Reasons.Select(static one => (one.Key, one.Value.Code, one.Value.IsUnknown)).Order());

        static object Value(object reason, string name) => reason.GetType().GetProperty(name)!.GetValue(reason)!;
    }

    [Fact]
    public void Statuses_have_the_names_of_the_protocol()
    {
        Names.TryTransferStatus("EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID", out var status).ShouldBeTrue();
        status.ShouldBe(TransferStatus.ExistsWithDifferentDebitAccountId);
        Names.TryTransferStatus("NONE", out _).ShouldBeFalse();
        Names.IsAboutAnother(status).ShouldBeTrue();
        Names.IsAboutAnother(TransferStatus.ExceedsCredits).ShouldBeFalse();
    }
}
