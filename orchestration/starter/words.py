"""Words of column names in several languages, each with the idea it stands for. Data only, without accents.

Not here: how a name is cut into words (names.py), and which ideas make up which column (meanings.py).
"""

# English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish, Danish, and what programs abbreviate.
# A word stands for one idea; of a compound (Artikelnummer) the parts are looked up.
IDEAS: dict[str, str] = {
    "id": "id ids no nr num number numero nummer numer nro code cod codigo codice kod kode key schluessel ref "
    "reference referenz identifier ident identifiant kennung kennzeichen nbr uid uuid guid numbers",
    "name": "name names namen nom nombre nome naam nazwa nazwisko namn navn label bezeichnung benaming "
    "denominazione designation libelle",
    "description": "description desc descr descripcion descrizione descricao beschreibung omschrijving opis "
    "beskrivning beskrivelse text",
    "date": "date dates stichtag snapshot asof datum data fecha dato dag day tag jour dia giorno dzien dt on ds",
    "time": "time zeit uhrzeit heure hora ora tijd czas tid timestamp datetime zeitpunkt at created",
    "order": "order bestel orders auftrag auftrags auftraege bestellung commande commandes pedido pedidos ordine "
    "ordini bestelling encomenda zamowienie zamowienia ordre ord so bestellt bestell bestallning ordered",
    "purchase": "purchase purchasing po einkauf einkaufs kauf achat achats compra compras acquisto acquisti inkoop "
    "zakup zakupu inkop indkob procurement einstand einstands",
    "invoice": "invoice invoices inv rechnung rechnungs facture factures factura facturas fattura fatture fatura "
    "faturas factuur facturen faktura faktury bill billing",
    "document": "document documents doc beleg belege vorgang piece documento documenti dokument receipt bon ticket "
    "recibo scontrino quittung paragon kvitto voucher transaction transactions trans txn tx transaktion bondnr "
    "kassenbon",
    "line": "line lines ln position positionen pos zeile ligne lignes linea lineas riga righe linha linhas regel "
    "regels pozycja pozycje rad rader linje linjer sequence seq detail details lfd",
    "row": "row rows record index",
    "item": "item items",
    "product": "product towaru produktu artykulu artykul artnr artno products prod produkt produkte produkty "
    "produkter produit produits producto productos prodotto prodotti produto produtos article articles artikel "
    "articulo articulos articolo articoli artigo artigos sku skus material vara varor ware waren towar towary "
    "goods merchandise",
    "stock": "stock stocks bestand bestands lager lagerbestand inventory inventario giacenza voorraad zapas stan "
    "saldo estoque existencias onhand bestaende lagersaldo",
    "customer": "customer customers cust kunde kunden kund client clients cliente clientes clienti klant klanten "
    "klient klienci klienta kontrahent buyer debitor debitoren kunder shopper member",
    "account": "account accounts acct konto compte cuenta rekening konta",
    "supplier": "supplier suppliers vendor vendors lieferant lieferanten fournisseur fournisseurs proveedor "
    "proveedores fornitore fornitori fornecedor fornecedores leverancier dostawca leverantor leverandor kreditor "
    "creditor",
    "company": "company firma firmen entreprise societe empresa azienda bedrijf foretag organisation organization "
    "business entity",
    "person": "person contact first last full prenom vorname nachname apellido cognome surname forename given family",
    "quantity": "quantity qty qtty quant menge mengen anzahl quantite qte cantidad cant quantita qta quantidade "
    "qtd qtde aantal hoeveelheid ilosc antal mangd maengde pieces pcs stueck stuck stk units volume piezas pezzi "
    "pecas sztuk",
    "unit": "unit einzel einheit unitaire unitario unitaria unitari stuks stueckpreis eenheid jednostka "
    "jednostkowa jednostkowy enhet enhed each unidade unidad unite piece",
    "price": "price prices preis preise prix precio precios prezzo prezzi preco precos prijs prijzen cena ceny pris",
    "cost": "cost costs kosten kost cout couts coste costo costi custo koszt kostnad omkostning standardcost cogs",
    "list": "list liste listen catalogue catalog listino lista lijst retail msrp tarif rrp uvp katalog",
    "standard": "standard std average avg mean durchschnitt moyen medio media",
    "amount": "amount amt betrag montant importe importo valor valore bedrag kwota belopp belob value wert sum "
    "summe somme suma somma soma totaal extended",
    "total": "total totale gesamt subtotal sub gesamtbetrag zwischensumme ytd",
    "sales": "sales sprzedazy sale revenue umsatz umsaetze ventes vente venta ventas vendite vendita venda vendas "
    "verkoop omzet sprzedaz forsaljning salg verkauf verkaufs ca fatturato facturacion faturamento turnover vk",
    "net": "net netto nett nette hors ht",
    "gross": "gross brutto bruto brut ttc inkl incl",
    "discount": "discount disc rabatt rabatte nachlass remise remises descuento descuentos sconto sconti desconto "
    "descontos korting rabat reduction rebate markdown skonto cut",
    "percent": "percent pct perc percentage prozent pourcentage porcentaje percentuale porcentagem procent "
    "percentagem satz",
    "rate": "rate taux tasso tasa taxa koers kurs wechselkurs cours cambio tipo fx",
    "tax": "tax ust umsatzsteuer vat mwst tva iva btw podatek moms steuer taxes gst impuesto imposta imposto",
    "freight": "freight porto versandkosten frais fracht flete trasporto frete vracht postage",
    "country": "country countries land laender pays pais paese landen kraj nation staat countryregion",
    "city": "city town ort stadt ville ciudad citta cidade stad plaats miasto by municipality",
    "region": "region regions regio regione regiao province provinz bundesland departement provincia provincie "
    "wojewodztwo lan",
    "state": "state states estado stato",
    "territory": "territory territories gebiet gebiete territoire territorio rayon vertriebsgebiet verkaufsgebiet "
    "salesterritory rejon distrikt district omrade zone",
    "channel": "channel channels kanal kanaele canal canale vertriebsweg absatzweg kanaal medium source weg vertrieb",
    "online": "online web internet ecommerce",
    "segment": "segment segments segmento branche kundengruppe kundentyp persona",
    "category": "category categories cat kategorie kategorien categorie categoria categorias warengruppe "
    "warengruppen produktgruppe artikelgruppe famille familia famiglia kategoria kategori dept department rubrik",
    "subcategory": "subcategory subcategories subcat unterkategorie untergruppe subcategoria sottocategoria "
    "subfamilia underkategori podkategoria",
    "group": "group gruppe groupe grupo gruppo groep grupa grupp",
    "class": "class klasse classe clase",
    "kind": "kind art type typ types sort soort rodzaj genre mode",
    "brand": "brand brands marke marque marca merk marka manufacturer hersteller",
    "rep": "rep reps salesperson salesman seller vertreter aussendienst verkaeufer vendeur commercial vendedor "
    "venditore verkoper sprzedawca saljare saelger agent agente agency salesrep betreuer sachbearbeiter adm",
    "employee": "employee employees mitarbeiter mitarbeiterin employe empleado dipendente funcionario medewerker "
    "pracownik anstalld medarbejder emp staff personal",
    "manager": "manager leitung vorgesetzter leiter chef jefe gerente boss reports supervisor kierownik "
    "responsable leder",
    "email": "email mail emails courriel correo",
    "hire": "hire hired eingestellt eintritt embauche contratacion assunzione joined anstallning",
    "left": "left austritt leaving terminated termination ausgeschieden",
    "commission": "commission provision comision provvigione comissao provisie prowizja",
    "start": "start angelegt starts beginn begin debut inicio inizio poczatek anfang opens open opened effective "
    "launch launched eingefuehrt introduced introduction",
    "end": "end entschieden abgeschlossen ends ende fin fine fim einde koniec slut close closed closes finish expiry",
    "valid": "valid gueltig valide valido geldig wazny giltig",
    "from": "from von van ab seit since depuis desde dal vanaf od fran fra",
    "to": "to bis until hasta thru through",
    "due": "due erwartet required faellig faelligkeit echeance vencimiento scadenza vencimento vervaldatum termin "
    "zapadalnosci requested promised promise liefertermin wanted wunsch zugesagt expected",
    "ship": "ship shipped shipping shipment versand versandt lieferdatum expedition livraison envio spedizione "
    "entrega verzending wysylka leverans levering delivery delivered lieferung liefer dispatch",
    "receive": "receive geliefert received reception recibido ricevuto recebido ontvangen otrzymano receiving "
    "eingang wareneingang erhalten mottagen arrival eingegangen",
    "reject": "reject rejected rejects abgelehnt scrapped returned refused reklamiert",
    "hand": "hand available verfuegbar disponible disponibile",
    "reserved": "reserved reserviert allocated",
    "reorder": "reorder meldebestand mindestbestand safety point level niveau",
    "minimum": "min minimum mindest minimal mini",
    "lead": "lead leads lieferzeit beschaffungszeit wiederbeschaffungszeit delai plazo levertijd interessent prospect",
    "days": "days tage jours dias giorni dagen dni dagar duration",
    "discontinued": "discontinued ausgelistet auslaufdatum obsolete retired delisted",
    "location": "location locations lagerort standort standorte emplacement ubicacion ubicazione local locatie "
    "lokalizacja plats site",
    "warehouse": "warehouse warehouses depot entrepot almacen magazzino armazem magazijn magazyn whse wh lagerhaus "
    "lagerplatz plant werk",
    "store": "store stores shop filiale filialen magasin tienda negozio loja winkel sklep butik outlet branch",
    "currency": "currency currencies waehrung devise divisa valuta moneda moeda waluta ccy",
    "promotion": "promotion promotions promo aktion aktionen promocion promozione promocao actie promocja kampanj "
    "offer offers special angebot deal",
    "campaign": "campaign campaigns kampagne campagne campana campagna campanha kampania utm",
    "stage": "stage stages step phase stufe etape etapa fase etap steg schritt milestone",
    "status": "status statut estatus etat",
    "probability": "probability prob wahrscheinlichkeit probabilite probabilidad probabilita probabilidade kans "
    "likelihood",
    "chance": "chance",
    "opportunity": "opportunity opportunities opp verkaufschance oportunidad opportunita oportunidade deals "
    "pipeline chancen",
    "visitor": "visitor visitors besucher session visiteur visitante user anonymous",
    "event": "event events ereignis evenement evento hit",
    "touch": "touch touchpoint touchpoints activity activities kontakt kontakte aktivitaet interaction touched "
    "contacts call",
    "payment": "payment payments pay zahlung zahlungen paiement pago pagos pagamento pagamenti betaling platnosc "
    "betalning paid bezahlt zahlungseingang remittance zahl",
    "method": "method methode zahlungsart zahlungsweise metodo metoda means",
    "expense": "expense expenses ausgabe ausgaben depense gasto gastos spesa spese despesa despesas uitgave "
    "wydatek utgift",
    "target": "target targets ziel ziele quota quotas objectif objetivo obiettivo meta doel cel mal budget plan "
    "soll goal vorgabe",
    "measure": "measure metric kennzahl kpi indicateur indicador indicatore",
    "cycle": "cycle cycles round runde zyklus ciclo",
    "forecast": "forecast forecasts prognose prognosen prevision pronostico previsione previsao prognoza fcst "
    "vorhersage",
    "override": "override overrides overridden uebersteuerung uebersteuerungen korrektur korrekturen planabweichung "
    "correction corrections",
    "planner": "planner planners planer disponent disponenten planificateur planificador pianificatore",
    "submission": "submission submissions submitted meldung abgabe eingereicht abgegeben",
    "period": "period periode periodo zeitraum month monat mois mes mese maand miesiac manad quarter quartal year jahr",
    "week": "week woche semaine semana settimana",
    "exchange": "exchange wechsel umrechnung change conversion",
    "movement": "movement movements bewegung bewegungen mouvement movimiento movimento lagerbewegung ruch beweg "
    "move moved",
    "note": "note notes notiz bemerkung commentaire comment comments remark remarks nota memo kommentar",
    "reason": "reason grund motif motivo raison reden powod orsak",
    "lost": "lost verloren verlust perdu perdido",
    "win": "won win gewonnen closewon",
    "book": "booked booking buchung buchungs posted posting registered erfasst gebucht",
    "modified": "modified updated changed geaendert lastmod lastupdate",
    "reseller": "reseller partner wiederverkaeufer",
    "address": "address adresse street strasse rue calle indirizzo postal zip plz postcode phone fax homepage telefon",
    "header": "header head kopf entete cabecera testata",
    "history": "history historie historique historial storico verlauf",
    "actual": "actual ist",
    "regular": "regular normal base",
    "sell": "sell selling sold verkauft",
    "main": "main",
}

# What joins words and says nothing by itself.
_FILLERS = (
    "a all am an and csv d da daily das dbo de del della dello dem den der derived des di die dim do dos du dump e el "
    "et export exports extract fact file files fk flag full het im in je l la las le les los monthly new of old par "
    "per pk por pro public raw reduced report tab tbl the tmp un und van vom von vw weekly xlsx y yearly zu zum zur"
)
FILLERS = frozenset(_FILLERS.split())
