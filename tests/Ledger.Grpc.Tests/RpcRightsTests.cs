using Google.Protobuf.Reflection;
using Ledger.Access;
using Ledger.Grpc.Access;
using Ledger.V1;

namespace Ledger.Grpc.Tests;

/// <summary>Somebody has decided who may call each method.</summary>
public sealed class RpcRightsTests
{
    public static TheoryData<string> Methods() => [.. Names()];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Each_method_of_the_contract_has_a_right(string method) =>
        RpcRights.Of(method).ShouldNotBe(AccessRights.None);

    [Fact]
    public void The_one_list_of_methods_has_all_of_them() =>
        Contract.Methods.Select(static method => method.FullName).Order(StringComparer.Ordinal)
            .ShouldBe(Names().Order(StringComparer.Ordinal));

    [Fact]
    public void A_method_without_a_right_is_not_served() =>
        Should.Throw<InvalidOperationException>(() => RpcRights.Of("ledger.v1.TransferService.Steal"))
            .Message.ShouldContain("decide who may call it");

    private static IEnumerable<string> Names() => Files().SelectMany(static file => file.Services)
        .SelectMany(static service => service.Methods).Select(static method => method.FullName);

    // Those of the assembly, and not a list that somebody would have to keep.
    private static IEnumerable<FileDescriptor> Files() => typeof(AccountService).Assembly.GetTypes()
        .Where(
            static type =>
                type.Namespace == typeof(AccountService).Namespace
                && type.Name.EndsWith("Reflection", StringComparison.Ordinal))
        .Select(static type => (FileDescriptor)type.GetProperty("Descriptor")!.GetValue(null)!);
}
